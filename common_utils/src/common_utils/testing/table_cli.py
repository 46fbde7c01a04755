"""Promises the commands of every project on one table keep; each project's tests run all of them on its own.

A check gets a `CliCase` and raises AssertionError with what differed. Use it as
`@pytest.mark.parametrize("check", ALL_CLI_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import typer

from common_utils.bundle import Bundle
from common_utils.table_project.cli import table_cli
from common_utils.tables import write_table
from common_utils.testing.command_lines import clash_faults, heavy_help, undeclared_paths, wrong_values
from common_utils.testing.expectations import expect
from common_utils.testing.table_fixtures import Run, TableProject

__all__ = [
    "ALL_CLI_CHECKS",
    "CliCase",
    "check_a_damaged_table_is_not_learnt_from",
    "check_a_rejected_record_is_not_explained",
    "check_cards_and_figures_are_written",
    "check_errors_leave_with_their_code",
    "check_explanations_add_up",
    "check_files_that_are_missing_or_damaged_are_named",
    "check_help_lists_the_commands",
    "check_no_output_onto_an_input",
    "check_other_rows_are_told",
    "check_predictions_account_for_every_record",
    "check_the_bundle_is_measured_again",
    "check_the_data_dictionary_is_current",
    "check_training_shows_the_goals",
    "check_wrong_arguments_are_named",
]

_PNG = b"\x89PNG"
_ANY_SHARE = ("--set", "data.table.max_rejected_share=1")  # the files of these checks are mostly damage
_COMMANDS = ("train", "evaluate", "predict", "explain", "serve", "card", "columns", "release")


@dataclass(frozen=True)
class CliCase:
    """What to try on a command line.

    Attributes
    ----------
    project : TableProject
    run : Run
    bundle : Bundle
        Of the small sample.
    folder : Path
        Empty, to write into.
    records : sequence of str
        Lines of a CSV file, header first.
    answered : sequence of str
        First column of the file of answers: ids, or numbers from 1.
    explained : int
        Number of a record that gets an answer.
    rejected : sequence of int
        Numbers of those that get none.
    columns : sequence of str
        Of the file of answers.
    complaint : str
        What is said of a rejected record.
    results : sequence of str
        What stands in the document that `evaluate` writes.
    """

    project: TableProject
    run: Run
    bundle: Bundle
    folder: Path
    records: Sequence[str]
    answered: Sequence[str]
    explained: int
    rejected: Sequence[int]
    columns: Sequence[str]
    complaint: str
    results: Sequence[str] = ()

    def file(self) -> str:
        """Write the records; return the path."""
        path = self.folder / "records.csv"
        path.write_text("\n".join([*self.records, ""]), encoding="utf-8")
        return str(path)

    def ask(self, *words: str) -> tuple[int, str, str]:
        """Run a command on the bundle."""
        return self.run(*words, "--bundle", str(self.bundle.path))


def check_predictions_account_for_every_record(case: CliCase) -> None:
    """Promise one answer a record that can be answered, by its number, and the reason for every other.

    Raises
    ------
    AssertionError
        Saying which of these differs.
    """
    target = case.folder / "out.csv"
    code, _, err = case.ask("predict", "--input", case.file(), "--output", str(target), *_ANY_SHARE)
    expect(code == 0 and target.is_file(), f"predict left with {code}: {err}")
    header, *rows = [line.split(",") for line in target.read_text(encoding="utf-8").splitlines()]
    expect(header == list(case.columns), f"columns {header}")
    expect([row[0] for row in rows] == list(case.answered), "other records were answered")
    expect(case.complaint in err, f"{case.complaint!r} is not said: {err}")


def check_explanations_add_up(case: CliCase) -> None:
    """Promise contributions that add up to the score, in words and as JSON.

    Raises
    ------
    AssertionError
        If they do not.
    """
    words = ("explain", "--input", case.file(), "--row", str(case.explained), *_ANY_SHARE)
    code, out, err = case.ask(*words)
    expect(code == 0 and bool(out.strip()), f"explain left with {code}: {err}")
    said = json.loads(case.ask(*words, "--json")[1])
    total = said["base"] + sum(part["amount"] for part in said["contributions"])
    expect(abs(total - said["score"]) <= 1e-12, f"contributions add up to {total}, the score is {said['score']}")


def check_a_rejected_record_is_not_explained(case: CliCase) -> None:
    """Promise exit code 2 and a reason.

    Raises
    ------
    AssertionError
        If it is explained.
    """
    for number in case.rejected:
        code, _, err = case.ask("explain", "--input", case.file(), "--row", str(number), *_ANY_SHARE)
        expect(code == 2 and "no such record, or it was rejected" in err, f"record {number} left with {code}: {err}")


def check_the_bundle_is_measured_again(case: CliCase) -> None:
    """Promise that `evaluate` finds the bundle's own figures and writes them.

    Raises
    ------
    AssertionError
        If a figure differs.
    """
    target = case.folder / "results.md"
    code, out, err = case.ask("evaluate", "--json", "--output", str(target))
    expect(code == 0, f"evaluate left with {code}: {err}")
    expect(json.loads(out)["holdout"] == case.bundle.read_json("metrics.json")["holdout"], "other figures")
    text = target.read_text(encoding="utf-8")
    for said in ("## Goals", case.project.task().caveat, *case.results):
        expect(said in text, f"{said!r} is not in the document")


def check_other_rows_are_told(case: CliCase) -> None:
    """Promise that `evaluate` says when the rows are not those of the bundle.

    Raises
    ------
    AssertionError
        If it does not.
    """
    path = case.folder / "other.csv"
    write_table(case.project.task().sample(700, np.random.default_rng(5)), path)
    code, _, err = case.ask("evaluate", "--data", str(path))
    expect(code == 0 and "differ from those the bundle was trained on" in err, f"evaluate left with {code}: {err}")


def check_training_shows_the_goals(case: CliCase) -> None:
    """Promise a bundle, the goal table, and a word where the rows are synthetic.

    Raises
    ------
    AssertionError
        If one is missing.
    """
    settings = [part for setting in case.project.small for part in ("--set", setting)]
    code, out, err = case.run("train", "--output", str(case.folder / "artifacts"), *settings)
    expect(code == 0 and (case.folder / "artifacts" / "model.joblib").is_file(), f"train left with {code}: {err}")
    expect("Goals" in out and "synthetic" in err, "goals, or that the rows are synthetic, are not said")
    expect(case.project.task().caveat in " ".join(err.split()), "the caveat is not said")


def check_a_damaged_table_is_not_learnt_from(case: CliCase) -> None:
    """Promise 3 where too many rows of a training table are rejected: the account, the rows in a file, and no bundle.

    Raises
    ------
    AssertionError
        Saying what is missing.
    """
    task = case.project.task()
    rows = task.sample(600, np.random.default_rng(5)).astype({task.target: "object"})
    rows.loc[:59, task.target] = "?"
    path, rejects, root = (case.folder / name for name in ("damaged.csv", "rejects.csv", "artifacts"))
    rows.to_csv(path, index=False)
    small = [part for setting in case.project.small[2:] for part in ("--set", setting)]
    words = ("--data", str(path), "--rejects", str(rejects), "--decimal", "point")
    code, _, err = case.run("train", "--output", str(root), *words, *small)
    expect(code == 3 and "60 rejected" in err and not root.exists(), f"train left with {code}: {err}")
    listed = rejects.read_text(encoding="utf-8").splitlines()
    expect(len(listed) == 61 and task.target in listed[1], f"the file of rejected rows holds {listed[:2]}")
    rejects.unlink()
    code, _, err = case.ask("evaluate", *words)
    expect(code == 3 and "60 rejected" in err and rejects.is_file(), f"evaluate left with {code}: {err}")


def check_cards_and_figures_are_written(case: CliCase) -> None:
    """Promise both cards and every figure.

    Raises
    ------
    AssertionError
        Naming what is missing.
    """
    code, _, err = case.ask("card", "--output", str(case.folder))
    expect(code == 0, f"card left with {code}: {err}")
    for kind in ("Model", "Data"):
        text = (case.folder / f"{kind.lower()}_card.md").read_text(encoding="utf-8")
        expect(f"# {kind} card: {case.project.spec.title}" in text, f"the {kind.lower()} card has another title")
    for name in case.project.task().figure_names:
        expect((case.folder / "figures" / name).read_bytes().startswith(_PNG), f"{name} is not a picture")


def check_errors_leave_with_their_code(case: CliCase) -> None:
    """Promise 2 for settings, 3 for data, 4 for a bundle, each with what to change.

    Raises
    ------
    AssertionError
        Naming the command.
    """
    for words, expected, message in (
        (("train", "--set", "training.sede=1"), 2, "training.seed"),
        (("train", "--data", "nowhere.csv"), 3, "nowhere.csv"),
        (("train", "--set", "data.source=table"), 2, "PORTFOLIO_DATA"),
        (("evaluate", "--bundle", "nowhere"), 4, "nowhere"),
    ):
        code, _, err = case.run(*words)
        expect(code == expected and message in err, f"{' '.join(words)} left with {code}: {err}")


def check_help_lists_the_commands(case: CliCase) -> None:
    """Promise that `--help` names every command, and that no help imports what only work needs.

    Raises
    ------
    AssertionError
        Naming the one that is missing.
    """
    code, out, _ = case.run("--help")
    expect(code == 0, f"--help left with {code}")
    for command in _COMMANDS:
        expect(command in out, f"{command} is not listed")
    heavy = heavy_help(case.project.spec.name) if _module(case) else []
    expect(not heavy, f"help is slow: {heavy}")


def check_no_output_onto_an_input(case: CliCase) -> None:
    """Promise that every output of every command is refused where it is an input, and that nothing is written.

    Raises
    ------
    AssertionError
        Naming command and options.
    """
    app = _app(case)
    expect(not (faults := undeclared_paths(app)), str(faults))
    (case.folder / "clashes").mkdir()
    expect(not (faults := clash_faults(app, case.folder / "clashes")), str(faults[:5]))
    path = case.file()
    before = Path(path).read_bytes()
    for option in ("--output", "--rejects"):
        others = () if option == "--output" else ("--output", str(case.folder / "answers.csv"))
        code, _, err = case.ask("predict", "--input", path, *others, option, path)
        expect(code == 2 and option in err and "--input" in err, f"predict {option} left with {code}: {err}")
        expect(Path(path).read_bytes() == before, f"predict {option} wrote onto its input")
        expect(not (case.folder / "answers.csv").exists(), "predict began")
    settings = case.project.folder / "configs" / "config.yaml"
    if settings.is_file():
        before = settings.read_bytes()
        code, _, err = case.ask("evaluate", "--output", str(settings))
        expect(code == 2 and "the settings file" in err, f"evaluate onto the settings left with {code}: {err}")
        expect(settings.read_bytes() == before, "evaluate wrote onto the settings")
    code, _, err = case.ask("evaluate", "--output", str(case.bundle.path / "metrics.json"))
    expect(code == 2 and "--bundle" in err, f"evaluate into a bundle left with {code}: {err}")


def check_wrong_arguments_are_named(case: CliCase) -> None:
    """Promise exit code 2 and the option's name for a value an option does not take, and for missing and unknown ones.

    Raises
    ------
    AssertionError
        Naming the command.
    """
    for words, option in (
        *wrong_values(_app(case)),
        (("predict", "--output", "a.csv"), "--input"),
        (("explain",), "--input"),
        (("train", "--nonsense"), "--nonsense"),
        (("predict", "--input", "a.csv", "--output", "a.xlsx"), "--output"),
        (("predict", "--input", "a.csv", "--output", str(case.folder)), "--output"),
        (("train", "--set", "nonsense"), "--set"),
        (("release", "list", "--config", "none.yaml"), "--config"),
    ):
        code, _, err = case.run(*words)
        expect(code == 2 and option in err, f"{' '.join(words)} left with {code}: {err}")


def check_files_that_are_missing_or_damaged_are_named(case: CliCase) -> None:
    """Promise the exit code of the README for a file that is missing or damaged, and the option that named it.

    Raises
    ------
    AssertionError
        Naming the command.
    """
    damaged = case.folder / "damaged.csv"
    damaged.write_bytes(b"\x00\xff\x01\n")
    bundle, records, output = str(case.bundle.path), case.file(), str(case.folder / "out.csv")
    (case.folder / "damaged").mkdir()
    (case.folder / "damaged" / "manifest.json").write_text("{", encoding="utf-8")
    for words, option, code in (
        (("train",), "--data", 3),
        (("evaluate", "--bundle", bundle), "--data", 3),
        (("predict", "--output", output, "--bundle", bundle), "--input", 3),
        (("explain", "--bundle", bundle), "--input", 3),
        (("evaluate",), "--bundle", 4),
        (("card", "--output", str(case.folder / "docs")), "--bundle", 4),
        (("predict", "--input", records, "--output", output), "--bundle", 4),
        (("explain", "--input", records), "--bundle", 4),
        (("train",), "--config", 2),
        (("card",), "--config", 2),
    ):
        for path in (case.folder / "none.csv", case.folder / "damaged" if option == "--bundle" else damaged):
            left, _, err = case.run(*words, option, str(path))
            expect(left == code and option in err, f"{' '.join(words)} {option} {path.name} left with {left}: {err}")


def check_the_data_dictionary_is_current(case: CliCase) -> None:
    """Promise a data dictionary of every column read and written, in docs/ and by `columns`, within 80 characters.

    Raises
    ------
    AssertionError
        If the document is stale or a column of the answers is missing.
    """
    document = case.project.folder / "docs" / "data_dictionary.md"
    code, out, err = case.run("columns", "--format", "markdown")
    if not find_spec(case.project.spec.name) or not document.is_file():
        expect(code == 2 and "templates/columns.yaml" in err, f"columns left with {code}: {err}")
        return
    name = case.project.spec.name
    expect(code == 0, f"columns left with {code}: {err}")
    stale = out != document.read_text(encoding="utf-8")
    expect(not stale, f"docs/data_dictionary.md is stale: {name} columns --format markdown > docs/data_dictionary.md")
    said = [row["column"] for row in json.loads(case.run("columns", "--format", "json", "--file", "answers (w")[1])]
    expect(said == list(case.columns), f"the dictionary has {said}, the answers {list(case.columns)}")
    widest = max(map(len, case.run("columns")[1].splitlines()))
    expect(widest <= 80, f"columns takes {widest} characters")


def _module(case: CliCase) -> str | None:
    """Return the module of the command line; that of a project in a test has none."""
    name = case.project.spec.name
    return f"{name}.cli" if find_spec(name) and find_spec(f"{name}.cli") else None


def _app(case: CliCase) -> typer.Typer:
    module, spec = _module(case), case.project.spec
    return import_module(module).app if module else table_cli(spec.name, spec.question, lambda: spec, case.project.task)


ALL_CLI_CHECKS: tuple[Callable[[CliCase], None], ...] = (
    check_predictions_account_for_every_record,
    check_explanations_add_up,
    check_a_rejected_record_is_not_explained,
    check_the_bundle_is_measured_again,
    check_other_rows_are_told,
    check_a_damaged_table_is_not_learnt_from,
    check_training_shows_the_goals,
    check_cards_and_figures_are_written,
    check_errors_leave_with_their_code,
    check_help_lists_the_commands,
    check_no_output_onto_an_input,
    check_wrong_arguments_are_named,
    check_files_that_are_missing_or_damaged_are_named,
    check_the_data_dictionary_is_current,
)
