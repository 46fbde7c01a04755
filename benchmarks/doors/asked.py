"""The commands that read what users bring, run in this process as a user runs them, and what they answered."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sheets import PROJECT, Case
from siblings import Sibling

__all__ = ["COMMANDS", "Command", "Run", "asked", "commands_for", "of_sibling", "run"]

Answers = Mapping[str, tuple[str, ...]]
"""By subscriber, or by what else a line of an answer is about: everything that is said of it, in order."""


@dataclass(frozen=True)
class Run:
    """What one command did with one set of files.

    Attributes
    ----------
    code : int
        Exit code; -1 where the program broke off.
    answers : mapping of str to tuple of str
    said : str
        Everything on standard error, blanks folded.
    rejects : tuple of (str, int, str)
        Table, row and column of each rejected row.
    left : tuple of str
        Names of the outputs that are there.
    """

    code: int
    answers: Answers
    said: str
    rejects: tuple[tuple[str, int, str], ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command of a project.

    Attributes
    ----------
    name : str
    reads : tuple of str
        Kinds of damage it can meet: the `reads` of a kind.
    words : callable
        From the folder of the files, the case and the bundle to the words of the command line.
    outputs : tuple of str
        Files it writes into that folder.
    by_key : bool
        Whether each line of its answer is about one subscriber; else it is about all of them.
    bundle : bool
        Whether it needs a bundle.
    own : bool
        Whether that bundle is one that was learnt from the undamaged table.
    prints : bool
        Whether it answers on standard output.
    slow : bool
        Whether it takes seconds: then one variant of each kind will do.
    project : str
        Whose it is: the name of a package.
    folder : Path
        Of that project.
    """

    name: str
    reads: tuple[str, ...]
    words: Callable[[Path, Case, Path | None], list[str]]
    outputs: tuple[str, ...] = ()
    by_key: bool = True
    bundle: bool = False
    own: bool = False
    prints: bool = False
    slow: bool = False
    project: str = "planrec"
    folder: Path = PROJECT


def _file(
    command: str, *further: str, month: bool = True, card: bool = True, rules: bool = False
) -> Callable[..., list[str]]:
    def words(folder: Path, case: Case, bundle: Path | None) -> list[str]:
        line = [command, "--usage", str(folder / (case.usage_file or case.usage_path()))]
        line += ["--as-of", "2025-11-15" if command == "notices" else "2025-10"] if month else []
        line += ["--plans", str(folder / "card.yaml")] if card else ["--bundle", str(bundle)]
        line += ["--rules", str(folder / "rules.yaml")] if rules else []
        line += [str(folder / "swell.yaml") if word == "DRAFT" else word for word in further]
        output = {"notices": "answers.jsonl"}.get(command, "answers.csv")
        return [*line, "--output", str(folder / output)]

    return words


def _data(kind: str, *, people: bool) -> Callable[..., list[str]]:
    def words(folder: Path, case: Case, bundle: Path | None) -> list[str]:
        source = folder / "events" if kind == "events" else folder / (case.usage_file or case.usage_path())
        if kind == "events" and not people:
            for path in source.glob("subscribers.*"):
                path.unlink()
        del bundle  # it takes none
        return ["data", "--data-source", "table", "--data", str(source), "--set", f"data.table.kind={kind}",
                "--set", f"data.table.plans={folder / 'card.yaml'}"]  # fmt: skip

    return words


def _learnt(command: str) -> Callable[..., list[str]]:
    """Return the words that learn from usage months, or measure a model that was learnt from them."""
    small = ("training.model.max_iter=2", "training.challenger.max_iter=2", "training.challenger.folds=2",
             "training.split.folds=2", "evaluation.resamples=50")  # fmt: skip

    def words(folder: Path, case: Case, bundle: Path | None) -> list[str]:
        line = [command, "--data-source", "table", "--data", str(folder / (case.usage_file or case.usage_path()))]
        if command == "evaluate":
            return [*line, "--bundle", str(bundle)]
        line += ["--set", "data.table.kind=months", "--set", f"data.table.plans={folder / 'card.yaml'}"]
        return [*line, *(word for one in small for word in ("--set", one)), "--output", str(folder / "artifacts")]

    return words


_ANSWERS = ("answers.csv",)
_CURRENT = ("artifacts/current/manifest.json",)
_OFFER = _file("recommend", "--mode", "offer", card=False, rules=True)
_TRAVEL = _file("what-if", "--travel", card=False)
_DRAFT = _file("draft", "--plan", "DRAFT", "--set", "evaluation.resamples=50", card=False)
_USAGE = ("usage", "dated", "as-of")
COMMANDS = (
    Command("bill", ("usage", "card"), _file("bill", month=False), _ANSWERS),
    Command("data", ("usage", "dated", "card"), _data("months", people=True), by_key=False, prints=True),
    Command("recommend", (*_USAGE, "card", "rules"), _file("recommend", "--explain", rules=True), _ANSWERS),
    Command("what-if", (*_USAGE, "card"), _file("what-if", "--usage-factor", "1.2"), _ANSWERS),
    Command("what-if --plan", ("draft",), _file("what-if", "--plan", "DRAFT"), _ANSWERS),
    Command("notices", (*_USAGE, "card"), _file("notices"), ("answers.jsonl",)),
    Command("data of events", ("events",), _data("events", people=True), by_key=False, prints=True),
    Command("data of events, no list", ("events",), _data("events", people=False), by_key=False, prints=True),
    Command("predict", _USAGE, _file("predict", card=False), _ANSWERS, bundle=True),
    Command("offer", (*_USAGE, "rules"), _OFFER, _ANSWERS, bundle=True),
    Command("what-if of a bundle", _USAGE, _TRAVEL, _ANSWERS, bundle=True),
    Command("draft", (*_USAGE, "draft"), _DRAFT, _ANSWERS, by_key=False, bundle=True),
    Command("train", ("usage", "dated"), _learnt("train"), _CURRENT, by_key=False, prints=True, slow=True),
    Command(
        "evaluate", ("usage", "dated"), _learnt("evaluate"), by_key=False, bundle=True, own=True, prints=True, slow=True
    ),
)


def commands_for(commands: Iterable[Command], reads: str, *, bundle: bool) -> list[Command]:
    """Return the commands that meet a kind of damage."""
    return [command for command in commands if reads in command.reads and (bundle or not command.bundle)]


def of_sibling(sibling: Sibling) -> tuple[Command, ...]:
    """Return the commands of a project on one table: they answer, explain, learn and measure."""

    def words(name: str) -> Callable[..., list[str]]:
        def of(folder: Path, case: Case, bundle: Path | None) -> list[str]:
            path = str(folder / (case.usage_file or case.usage_path()))
            if name == "train":
                small = [word for one in sibling.small for word in ("--set", one)]
                return [name, "--data", path, *small, "--output", str(folder / "artifacts")]
            if name == "evaluate":
                return [name, "--data", path, "--bundle", str(bundle)]
            to = ["--row", "7"] if name == "explain" else ["--output", str(folder / "answers.csv")]
            return [name, "--input", path, *to, "--bundle", str(bundle)]

        return of

    both = ("records", "target")
    made = {
        "predict": (("records",), _ANSWERS),
        "explain": (("records",), ()),
        "train": (both, _CURRENT),
        "evaluate": (both, ()),
        "contacts": (("records",), _ANSWERS),
    }
    return tuple(
        Command(
            f"{sibling.name} {name}",
            reads,
            words(name),
            outputs,
            by_key=name == "predict",
            bundle=name != "train",
            own=True,
            prints=not outputs or name == "train",
            slow=name in ("train", "evaluate", "explain"),
            project=sibling.name,
            folder=sibling.folder,
        )
        for name, (reads, outputs) in made.items()
        if name != "contacts" or sibling.name == "bankchurn"
    )


def asked(command: Command, case: Case, bundle: Path | None, *, listed: bool = True) -> Run:
    """Write the files of a case into a new folder, run a command on them, and return what it did.

    `listed` asks for the file of rejected rows, which the commands have not always had.
    """
    with tempfile.TemporaryDirectory(prefix="doors-") as name:
        folder = Path(name)
        case.write(folder)
        rejects = folder / "rejects.csv"
        words = [*command.words(folder, case, bundle), *case.options]
        words += ["--rejects", str(rejects)] if listed else []
        code, out, err = run(words, command.project, command.folder)
        left = tuple(path for path in command.outputs if (folder / path).exists())
        answers: dict[str, tuple[str, ...]] = {}
        if command.prints and code == 0:
            answers = _printed(out)
        for path in left:
            answers |= _jsonl(folder / path) if path.endswith(".jsonl") else {}
            answers |= _csv(folder / path) if path.endswith(".csv") else {}
        said = " ".join(err.split()).replace(str(folder), "")
        lines = "\n".join(" ".join(line.split()) for line in err.split("\n"))
        return Run(code, answers, lines if lines.strip() else said, _rejects(rejects), left)


def run(words: list[str], project: str = "planrec", home: Path = PROJECT) -> tuple[int, str, str]:
    """Run the command line of a project here; return exit code, output and errors."""
    cli = import_module(f"{project}.cli")
    out, err = io.StringIO(), io.StringIO()
    os.environ["COLUMNS"] = "400"  # no line of an account is folded
    with _here(home, [project, *words]), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except Exception as error:
            err.write(f"Traceback: {type(error).__name__}: {error}")
            code = -1
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _here(folder: Path, words: list[str]) -> Generator[None]:
    before, arguments = Path.cwd(), sys.argv
    os.chdir(folder)
    sys.argv = words
    try:
        yield
    finally:
        os.chdir(before)
        sys.argv = arguments


def _csv(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for line in list(csv.reader(stream))[1:]:
            found[line[0]] = (*found.get(line[0], ()), "|".join(line))
    return found


def _jsonl(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "header" not in record:
            whole = json.dumps(record, sort_keys=True)
            who = record.get("subscriber_id") or record["notice"]["subscriber_id"]
            found[who] = (*found.get(who, ()), whole)
    return found


def _printed(out: str) -> dict[str, tuple[str, ...]]:
    """Return the figures of a summary, without the account of rows."""
    lines = (" ".join(line.split()) for line in out.splitlines() if "rows of " not in line)
    kept = (line for line in lines if line.strip("─ "))
    return {f"line {place}": (line,) for place, line in enumerate(kept)}


def _rejects(path: Path) -> tuple[tuple[str, int, str], ...]:
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple((row["table"], int(row["row"]), row["column"]) for row in csv.DictReader(stream))
