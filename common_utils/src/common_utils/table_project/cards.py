"""Cards, results and README block of a project on one table, built from the figures of a run. Same run, same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from common_utils.reporting.cards import facts_table, format_interval, markdown_table, render_card, replace_block

if TYPE_CHECKING:
    from common_utils.bundle import Bundle
    from common_utils.table_project.task import Cells, Goal, TableTask

__all__ = [
    "REFITTED",
    "accounting_rows",
    "data_card",
    "figure_rows",
    "goal_rows",
    "markdown",
    "model_card",
    "readme_with_results",
    "results_document",
    "source_words",
]

GOAL_TABLE = "Goals"
REFITTED = (
    "the model was fitted once more, on every row, after that: each figure is from before, and no row is left to "
    "measure it on"
)
_REACHED = {"goal": "goal reached", "must": "must reached", "no": "**not reached**"}


def goal_rows(goals: Sequence[Goal], metrics: Mapping[str, Any]) -> list[Cells]:
    """Return the goal table: what had to be reached, what was, and the same figure on the rows set aside.

    Parameters
    ----------
    goals : sequence of Goal
    metrics : mapping
        As `metrics.json`; a figure that `holdout` does not have is left empty there.
    """
    rows: list[Cells] = []
    for goal in goals:
        found = metrics["cross_validation"][goal.figure]
        value = found["estimate"] if isinstance(found, Mapping) else found
        sign = ">=" if goal.higher_is_better else "<="
        aimed = "" if goal.goal is None else f"{sign} {goal.goal:z,.{max(goal.digits, _decimals(goal.goal))}f}"
        rows.append(
            {
                "figure": goal.title,
                "must": f"{sign} {goal.must:z,.{goal.digits}f}",
                "goal": aimed,
                "cross-validation": _with_beside(goal, metrics["cross_validation"]),
                "level": _REACHED[goal.reached(float(value))],
                "holdout": _with_beside(goal, metrics["holdout"]),
            }
        )
    return rows


def _with_beside(goal: Goal, figures: Mapping[str, Any]) -> str:
    if goal.figure not in figures:
        return ""
    shown = format_interval(figures[goal.figure], digits=goal.digits + 1)
    if goal.beside not in figures:
        return shown
    return f"{shown}; {goal.beside_title}: {format_interval(figures[goal.beside], digits=goal.digits + 1)}"


def figure_rows(parts: Mapping[str, Mapping[str, Any]], names: Sequence[str], *, digits: int = 4) -> list[Cells]:
    """Return one row for each figure, one column for each part of the data or model.

    Parameters
    ----------
    parts : mapping of str to mapping
        By title of the column, figures by name: intervals or numbers.
    names : sequence of str
    digits : int

    Examples
    --------
    >>> figure_rows({"holdout": {"log_loss": 0.5}}, ["log_loss"], digits=2)
    [{'figure': 'log loss', 'holdout': '0.50'}]
    """
    return [
        {
            "figure": name.replace("_", " "),
            **{
                title: format_interval(part[name], digits=digits) if name in part else ""
                for title, part in parts.items()
            },
        }
        for name in names
    ]


def accounting_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return the account of every row read: kept, repaired, rejected or set aside, with the reason."""
    return [
        {
            "table": str(report["table"]),
            "read": f"{report['read']:,}",
            "kept": f"{report['kept']:,}",
            "repaired": _reasons(report["repaired"]),
            "rejected": _reasons(report["rejected"]),
            "set aside by a rule": _reasons(report.get("set_aside", {})),
        }
        for report in metrics["rows"]["read"]
    ]


def markdown(rows: Sequence[Cells]) -> str:
    """Return rows of text as a Markdown table, all but the first column to the right.

    Examples
    --------
    >>> print(markdown([{"figure": "AUC", "value": "0.87"}]))
    | figure | value |
    | :----- | ----: |
    | AUC    |  0.87 |
    """
    columns = list(rows[0]) if rows else []
    return markdown_table(rows, columns, "l" + "r" * (len(columns) - 1) if columns else None)


def source_words(metrics: Mapping[str, Any]) -> str:
    """Return where the rows came from, in words; a sample says that it is synthetic, a refitted bundle what it is."""
    words = f"the table {metrics['table']}"
    if metrics["synthetic"]:
        words = (
            "synthetic rows of the sample generator: no real person is in them, and no figure describes the real world"
        )
    return f"{words}; {REFITTED}" if metrics.get("refitted") else words


def results_document(task: TableTask[Any], metrics: Mapping[str, Any], command: str) -> str:
    """Return every table of a run as a Markdown document, with the command that prints it.

    Parameters
    ----------
    task : TableTask
    metrics : mapping
        As `metrics.json`.
    command : str
        What was run.
    """
    rounds = metrics["split"]
    parts = [
        f"# Results: {task.spec.title}",
        f"Written by `{command}`; do not edit by hand. Measured on {source_words(metrics)}.",
        *([task.caveat] if task.caveat else []),
        f"Cross-validation: {metrics['rows']['train']:,} rows, {rounds['folds']} folds x {rounds['repeats']} rounds, "
        f"pooled out of fold. Holdout: {metrics['rows']['holdout']:,} rows set aside before any analysis, scored at "
        "the end of each training run. "
        f"Intervals: 95 %, bootstrap. Seed {metrics['seed']}.",
        *_sections(task, metrics),
    ]
    return "\n\n".join(parts) + "\n"


def readme_with_results(task: TableTask[Any], readme: str, metrics: Mapping[str, Any]) -> str:
    """Return a README with what stands between its `results` marks replaced by the goal table of a run.

    Raises
    ------
    ArtifactError
        As `common_utils.reporting.cards.replace_block`.
    """
    caveat = f" {task.caveat}" if task.caveat else ""
    text = f"Measured on {source_words(metrics)}.{caveat}\n\n{markdown(goal_rows(task.goals, metrics))}"
    return replace_block(readme, "results", text)


def model_card(task: TableTask[Any], metrics: Mapping[str, Any], source: Bundle | Mapping[str, object]) -> str:
    """Return the model card of a run: the project's template `model_card.md`, filled.

    Parameters
    ----------
    task : TableTask
        Its package holds `templates/model_card.md` with the placeholders source, n_train, n_holdout, results, facts and
        those of `TableTask.card_values`.
    metrics : mapping
        As `metrics.json`.
    source : Bundle or mapping
        The bundle, or what its manifest is about to say of the run.
    """
    values = {
        "source": source_words(metrics),
        "n_train": f"{metrics['rows']['train']:,}",
        "n_holdout": f"{metrics['rows']['holdout']:,}",
        "results": "\n\n".join(_sections(task, metrics)),
        "facts": facts_table(source),
        **task.card_values(metrics),
    }
    return render_card(_template(task, "model_card.md"), values)


def data_card(task: TableTask[Any], metrics: Mapping[str, Any], bundle: Bundle) -> str:
    """Return the data card of a bundle: the project's template `data_card.md`, filled."""
    values = {
        "source": source_words(metrics),
        "rows": markdown(accounting_rows(metrics)),
        "fingerprint": str(bundle.info["data_fingerprint"]),
        "n_train": f"{metrics['rows']['train']:,}",
        "n_holdout": f"{metrics['rows']['holdout']:,}",
    }
    return render_card(_template(task, "data_card.md"), values)


def _sections(task: TableTask[Any], metrics: Mapping[str, Any]) -> list[str]:
    tables = {GOAL_TABLE: goal_rows(task.goals, metrics), **task.tables(metrics)}
    return [f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items()]


def _template(task: TableTask[Any], name: str) -> str:
    return files(task.spec.name).joinpath("templates", name).read_text(encoding="utf-8")


def _reasons(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{reason}: {count:,}" for reason, count in counts.items()) or "0"


def _decimals(value: float) -> int:
    return len(repr(float(value)).partition(".")[2].rstrip("0"))
