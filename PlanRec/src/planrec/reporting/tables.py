"""Tables of a run as rows of text, and the model and data cards built from them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from common_utils.bundle import Bundle
from common_utils.reporting.cards import facts_table, format_interval, markdown_table, render_card, replace_block

__all__ = [
    "accounting_rows",
    "amount_text",
    "backtest_document",
    "backtest_rows",
    "choice_rows",
    "comparison_lines",
    "data_card",
    "gain_rows",
    "model_card",
    "policy_rows",
    "results_block",
    "segment_rows",
    "template_text",
]

Cells = dict[str, str]


def policy_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return one row for each policy: choice figures, then money.

    Parameters
    ----------
    metrics : mapping
        As `metrics.json`.
    """
    currency = metrics["currency"]
    return [
        {
            "policy": row["policy"],
            "accuracy": format_interval(row["accuracy"]),
            "hit@3": format_interval(row["hit_at_3"]),
            "NDCG@5": format_interval(row["ndcg_at_5"]),
            **_money_cells(row, currency),
        }
        for row in metrics["policies"]
    ]


def choice_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return the classification figures, cross-validated and, where measured, on unseen subscribers and months."""
    parts = [("cross-validation", "cross_validation"), ("unseen subscribers, later months", "test")]
    return [
        {
            "figure": name.replace("_", " "),
            **{title: format_interval(metrics[part][name]) for title, part in parts if part in metrics},
        }
        for name in metrics["cross_validation"]
    ]


def gain_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return what asking for a minimum gain costs and saves."""
    currency = metrics["currency"]
    return [
        {
            f"minimum gain {currency}": f"{row['min_gain_cents'] / 100:z.2f}",
            **_money_cells(row, currency),
            f"P95 loss {currency}": "" if row["loss_p95_cents"] is None else f"{row['loss_p95_cents'] / 100:z.2f}",
        }
        for row in metrics["minimum_gain"]
    ]


def segment_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return the money of the shipped advice by segment."""
    return [
        {
            "by": row["by"],
            "segment": str(row["segment"]),
            "n": f"{row['n']:,}",
            **_money_cells(row, metrics["currency"]),
        }
        for row in metrics["segments"]
    ]


def accounting_rows(metrics: Mapping[str, Any]) -> list[Cells]:
    """Return the account of every row read: kept, repaired and rejected with the reason."""
    return [
        {
            "table": report["table"],
            "read": f"{report['read']:,}",
            "kept": f"{report['kept']:,}",
            "repaired": _reasons(report["repaired"]),
            "rejected": _reasons(report["rejected"]),
        }
        for report in metrics["rows"]["read"]
    ]


def backtest_rows(rows: list[dict[str, Any]], currency: str) -> list[Cells]:
    """Return the back-test of re-rating: regret over all and over settled months."""
    return [
        {
            "policy": row["policy"],
            f"regret {currency}, all months": format_interval(row["regret_cents"], scale=0.01, digits=2),
            f"regret {currency}, 3 or more earlier": format_interval(row["settled_cents"], scale=0.01, digits=2),
        }
        for row in rows
    ]


def results_block(readme: str, metrics: Mapping[str, Any]) -> str:
    """Return a README with the tables between its `results` marks replaced by those of a run.

    Raises
    ------
    ArtifactError
        As `common_utils.reporting.cards.replace_block`.
    """
    return replace_block(
        readme, "results", "\n\n".join((_markdown(policy_rows(metrics)), _markdown(choice_rows(metrics))))
    )


def backtest_document(
    results: Mapping[str, Any], held: Mapping[str, Any], shipped: Mapping[str, Any], currency: str
) -> str:
    """Return the back-test of re-rating as a Markdown document.

    Parameters
    ----------
    results : mapping
        By protocol: `months`, `settled_months`, `policies`, `shipped_less_mean_of_3_months`.
    held : mapping
        Choice figures of the plan held, predicted from usage alone.
    shipped : mapping
        What the shipped advice weighs: `history_months`, `risk_weight`, `min_gain_cents`, `rules`.
    currency : str
    """
    parts: list[str] = []
    for name, result in results.items():
        parts.append(
            f"## {name[0].upper()}{name[1:]}\n\n{result['months']:,} customer-months, {result['settled_months']:,} of "
            f"them with at least three earlier ones.\n\n{_markdown(backtest_rows(result['policies'], currency))}\n\n"
            + "\n".join(f"- {line}" for line in comparison_lines(result))
        )
    held_table = _markdown(choice_rows({"cross_validation": held}))
    values = {
        "protocols": "\n\n".join(parts),
        "held": held_table,
        "history_months": shipped["history_months"],
        "risk_weight": f"{shipped['risk_weight']:g}",
        "min_gain": f"{shipped['min_gain_cents'] / 100:z.2f} {currency}",
        "rules": shipped["rules"],
    }
    return render_card(template_text("megaline.md"), values)


def comparison_lines(result: Mapping[str, Any]) -> list[str]:
    """Return how what ships compares with the mean of 3 months, in words."""
    return [
        f"as shipped less mean of 3 months, {_MONTHS[row['months']]}: "
        f"{row['difference_cents'] / 100:+z.2f} (standard error {row['standard_error_cents'] / 100:z.2f})"
        for row in result["shipped_less_mean_of_3_months"]
    ]


def model_card(metrics: Mapping[str, Any], source: Bundle | Mapping[str, object]) -> str:
    """Return the model card of a run.

    Parameters
    ----------
    metrics : mapping
        As `metrics.json`.
    source : Bundle or mapping
        The bundle, or what its manifest is about to say of the run: libraries, seed, fingerprints.

    Returns
    -------
    str
        Markdown; the same bytes for the same run.
    """
    rows = metrics["rows"]
    values = {
        "source": _SOURCES[metrics["source"]],
        "facts": facts_table(source),
        "n_train": f"{rows['train']:,} decisions of {rows['train_subscribers']:,} subscribers",
        "train_months": " to ".join(rows["train_months"]),
        "n_test": f"{rows['test']:,} decisions of {rows['test_subscribers']:,} subscribers",
        "test_months": " to ".join(rows["test_months"]),
        "launched": f"{metrics['test_rows_on_plans_launched_after_training']:,}",
        "choice": _markdown(choice_rows(metrics)),
        "policies": _markdown(policy_rows(metrics)),
        "ndcg_gap": format_interval(metrics["ndcg_gap"]),
        "minimum_gain": _markdown(gain_rows(metrics)),
        "segments": _markdown(segment_rows(metrics)),
    }
    return render_card(template_text("model_card.md"), values)


def data_card(metrics: Mapping[str, Any], bundle: Bundle) -> str:
    """Return the data card of a bundle; `metrics` as `metrics.json`."""
    rows = metrics["rows"]
    values = {
        "source": _SOURCES[metrics["source"]],
        "fingerprint": str(bundle.info["data_fingerprint"]),
        "usage_months": f"{rows['usage_months']:,}",
        "subscribers": f"{rows['subscribers']:,}",
        "decisions": f"{rows['decisions']:,}",
        "rows": _markdown(accounting_rows(metrics)) if rows["read"] else _MADE_IN_MEMORY,
    }
    return render_card(template_text("data_card.md"), values)


_MONTHS = {"regret_cents": "all months", "settled_cents": "months with 3 or more earlier"}
_MADE_IN_MEMORY = "No table was read: the rows were simulated in memory, and all of them were used."

_SOURCES = {
    "simulator": "the simulated operator (synthetic: no person stands behind a row)",
    "megaline": "the Megaline events (public teaching data, 500 customers, 2018)",
    "table": "a table of the operator's own",
}


def _money_cells(row: Mapping[str, Any], currency: str) -> Cells:
    return {
        f"regret {currency}": format_interval(row["regret_cents"], scale=0.01, digits=2),
        f"saving {currency}": format_interval(row["saving_cents"], scale=0.01, digits=2),
        "worse off": format_interval(row["share_worse_off"]),
        "moved": format_interval(row["share_moved"]),
    }


def _reasons(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{reason}: {count:,}" for reason, count in counts.items()) or "0"


def _markdown(rows: list[Cells]) -> str:
    columns = list(rows[0]) if rows else []
    return markdown_table(rows, columns, "l" + "r" * (len(columns) - 1) if columns else None)


def template_text(name: str) -> str:
    """Return one of the package's templates."""
    return files("planrec").joinpath("templates", name).read_text(encoding="utf-8")


def amount_text(value: float) -> str:
    """Return an amount of money with two decimals; nothing where it is unknown (NaN)."""
    return "" if np.isnan(value) else f"{value:z,.2f}"
