"""The real choices as tables: what was expected and what came out, then the detail; for screen and document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from common_utils.reporting.cards import format_interval, markdown_table, render_card
from planrec.panel.measure import PUBLISHED
from planrec.panel.table import TASTES
from planrec.panel.unseen import KNOWN
from planrec.reporting.tables import Cells

__all__ = ["GOAL_NATS", "choices_document", "choices_tables", "expectations"]

GOAL_NATS = 0.20
"""What personal tastes are to win over the plain logit, nats a choice, when eight choices are known."""

_DIGITS = 5e-5  # half a unit of the fourth decimal
_NO, _MUST, _GOAL = "NO", "must", "goal"
_MODELS = {"logit": "plain logit", "challenger": "challenger (boosted trees)", "personal": "personal tastes"}

Figures = Mapping[str, Any]


def expectations(figures: Figures) -> list[Cells]:
    """Return each expectation with its measure; `reached` is goal, must or NO.

    Parameters
    ----------
    figures : mapping
        Of `measure.measured_choices`.
    """
    found, gains = figures["estimates"], figures["gains"]
    value, published = found["log_likelihood"], PUBLISHED.log_likelihood
    apart = max(abs(found["weights"][name]["estimate"] - PUBLISHED.weights[name]) for name in TASTES)
    least = min((gains[str(k)] for k in KNOWN), key=lambda gain: gain["estimate"])
    return [
        _line(
            "log-likelihood of the plain logit, all choices",
            f"{value:z,.3f}",
            f"{published:z,.3f}, as published",
            "",
            _GOAL if round(value, 3) == published else _NO,
        ),
        _line(
            "coefficients: the one furthest from the published",
            f"{apart:z.5f} apart",
            "4 decimals",
            "",
            _GOAL if apart <= _DIGITS else _NO,
        ),
        _line(
            "nats a choice won by personal tastes, 8 choices known",
            format_interval(gains["8"]),
            "above 0 by 2 se",
            f"{GOAL_NATS:z.2f}",
            _reached(gains["8"]["estimate"] >= GOAL_NATS, gains["8"]["estimate"] > 2 * gains["8"]["se"]),
        ),
        _line("the same, nothing known, all choices", format_interval(gains["all"]), *_not_worse(gains["all"])),
        _line("the same, nothing known, late choices", format_interval(gains["0"]), *_not_worse(gains["0"])),
        _line("the same, the number known at which it wins least", format_interval(least), *_not_worse(least)),
    ]


def choices_tables(figures: Figures) -> list[tuple[str, list[Cells]]]:
    """Return the detail: a title and rows for each table."""
    cold, late, gains = figures["cold"], figures["late"], figures["gains"]
    return [
        ("Plain logit on all choices", _estimate_rows(figures["estimates"]["weights"])),
        ("Households never seen, nothing known: all choices", [_scores(_MODELS[name], cold[name]) for name in cold]),
        (
            "Households never seen: their 9th to 12th choice",
            [
                *({**_scores(_MODELS[name], late[name]), "won": ""} for name in ("logit", "challenger")),
                *({**_scores(_known(k), late[str(k)]), "won": format_interval(gains[str(k)])} for k in KNOWN),
            ],
        ),
        ("How tastes are spread", _taste_rows(figures["tastes"]["weights"])),
    ]


def choices_document(figures: Figures, command: str, *, plot: str | None) -> str:
    """Return the document.

    Parameters
    ----------
    figures : mapping
        Of `measure.measured_choices`.
    command : str
        What writes it.
    plot : str, optional
        Where the plot lies, from the document's folder; left out where there is none.
    """
    tables = [_markdown(rows) for _, rows in choices_tables(figures)]
    tastes = figures["tastes"]["weights"]
    values = {
        "command": command,
        "choices": f"{figures['choices']:,}",
        "households": f"{figures['households']:,}",
        "folds": figures["folds"],
        "expectations": _markdown(expectations(figures)),
        "estimates": tables[0],
        "cold": tables[1],
        "late_choices": f"{figures['late_choices']:,}",
        "late": tables[2],
        "plot": f"![Log loss by the number of choices known]({plot})\n\n" if plot else "",
        "taste_likelihood": f"{figures['tastes']['log_likelihood']:z,.0f}",
        "tastes": tables[3],
        "like_term": _percent(tastes["cl"]),
        "like_local": _percent(tastes["loc"]),
        "like_known": _percent(tastes["wk"]),
        "won_after_1": f"{figures['gains']['1']['estimate']:z.2f}",
        "won_after_8": f"{figures['gains']['8']['estimate']:z.2f}",
    }
    return render_card(files("planrec").joinpath("templates", "choices.md").read_text(encoding="utf-8"), values)


def _line(what: str, measured: str, must: str, goal: str, reached: str) -> Cells:
    return {"what": what, "measured": measured, "must": must, "goal": goal, "reached": reached}


def _not_worse(gain: Figures) -> tuple[str, str, str]:
    reached = _reached(gain["estimate"] >= 0, gain["estimate"] >= -2 * gain["se"])
    return "not below 0 by 2 se", "0", reached


def _reached(goal: bool, must: bool) -> str:  # noqa: FBT001 - two answers, in this order
    return _GOAL if goal and must else _MUST if must else _NO


def _known(k: int) -> str:
    return f"personal tastes, {k} choice{'s'[: k != 1]} known"


def _scores(model: str, scores: Figures) -> Cells:
    return {
        "model": model,
        "log loss": format_interval(scores["log_loss"]),
        "accuracy": format_interval(scores["accuracy"]),
        "ECE": format_interval(scores["ece"]),
    }


def _estimate_rows(weights: Figures) -> list[Cells]:
    return [
        {
            "weight of": f"{name}: {what}",
            "ours": f"{weights[name]['estimate']:z.4f}",
            "published": f"{PUBLISHED.weights[name]:z.4f}",
            "standard error": f"{weights[name]['standard_error']:z.4f}",
        }
        for name, what in TASTES.items()
    ]


def _taste_rows(weights: Figures) -> list[Cells]:
    return [
        {
            "weight of": f"{name}: {what}",
            "mean": f"{weights[name]['mean']:z.2f}",
            "sd between people": f"{weights[name]['sd']:z.2f}",
            "people who like it": _percent(weights[name]),
        }
        for name, what in TASTES.items()
    ]


def _percent(taste: Figures) -> str:
    return f"{100 * taste['share_who_like']:z.0f} %"


def _markdown(rows: Sequence[Cells]) -> str:
    return markdown_table(rows, list(rows[0]), "l" + "r" * (len(rows[0]) - 1))
