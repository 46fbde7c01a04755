"""BankChurn as a task on one table: only what is its own; everything else is in `common_utils`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from bankchurn.columns import COARSE_GROUPS, CUSTOMER, EXITED
from bankchurn.config import SPEC, BankChurnConfig
from bankchurn.data import churn_schema, record_schema, sample_customers
from bankchurn.evaluation import fairness_table, mean_gain_curve, retention_summary
from bankchurn.figures import FIGURES, write_figures
from bankchurn.models import boosted_pipeline, logistic_pipeline, reference_pipeline
from bankchurn.retention import economics_of
from common_utils.reporting.cards import format_interval
from common_utils.table_project.binary_task import SHIPPED, BinaryTask
from common_utils.table_project.task import Cells, Goal

__all__ = ["TASK", "ChurnTask"]

PROTECTED = COARSE_GROUPS
WITHOUT = "without Gender and Geography"
REFERENCE = "public reference (LR + RF, balanced)"


class ChurnTask(BinaryTask[BankChurnConfig]):
    """Which customers will leave: calibrated probabilities, a contact list by expected profit, and how groups fare."""

    spec = SPEC
    target = EXITED
    id_column = CUSTOMER
    yes, no, event = "leaves", "stays", "leaving"
    coarse_groups = COARSE_GROUPS
    outcome = "left"
    figure_names = FIGURES
    goals = (
        Goal("auc", "AUC", 0.865, 0.872),
        Goal("f1", "F1 (threshold chosen inside the folds)", 0.625, 0.640),
        Goal("brier", "Brier score", 0.102, 0.0995, higher_is_better=False),
        Goal("ece", "calibration error (10 equal-mass bins)", 0.020, 0.015, higher_is_better=False,
             beside="ece_if_perfect", beside_title="a perfect model"),
    )  # fmt: skip

    def schema(self) -> pandera.DataFrameSchema:
        """Return `data.churn_schema`."""
        return churn_schema()

    def record_schema(self) -> pandera.DataFrameSchema:
        """Return `data.record_schema`."""
        return record_schema()

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        """Return `data.sample_customers`."""
        return sample_customers(n_rows, rng)

    def build(self, config: BankChurnConfig) -> Any:
        """Return `models.boosted_pipeline`."""
        return boosted_pipeline(config)

    def candidates(self, config: BankChurnConfig) -> Mapping[str, Callable[[], Any]]:
        """Return logistic regression, the public reference's configuration, and ours without two columns."""
        return {
            "logistic regression": lambda: logistic_pipeline(config),
            REFERENCE: lambda: reference_pipeline(config),
            WITHOUT: lambda: boosted_pipeline(config, without=PROTECTED),
        }

    def further(
        self,
        config: BankChurnConfig,
        rows: pd.DataFrame,
        y: NDArray[np.int64],
        answers: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return profit of the contact lists, the gain curve, and the fairness tables with and without two columns."""
        economics = economics_of(config)
        return {
            "economics": {**asdict(economics), "break_even": economics.break_even},
            "retention": retention_summary(answers, y, economics),
            "gain": mean_gain_curve(answers[SHIPPED]["probability"], y, economics),
            "fairness": {
                name: fairness_table(
                    rows,
                    PROTECTED,
                    answers[name]["probability"],
                    answers[name]["decided"],
                    y,
                    n_resamples=config.evaluation.resamples,
                    seed=config.training.seed,
                )
                for name in (SHIPPED, WITHOUT)
            },
        }

    def tables(self, metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
        """Return the tables of every binary task, then retention, the gain curve and fairness."""
        return {
            **super().tables(metrics),
            "Retention: what a contact list brings": [_retention_row(row) for row in metrics["retention"]],
            "Retention: profit by length of the list": [_gain_row(row) for row in metrics["gain"]],
            "Fairness: as shipped": [_fairness_row(row) for row in metrics["fairness"][SHIPPED]],
            f"Fairness: {WITHOUT}": [_fairness_row(row) for row in metrics["fairness"][WITHOUT]],
        }

    def figures(self, folder: Path, metrics: Mapping[str, Any]) -> None:
        """Write `figures.write_figures`."""
        write_figures(folder, metrics)

    def card_values(self, metrics: Mapping[str, Any]) -> dict[str, object]:
        """Return the campaign's economics for the card."""
        economics = metrics["economics"]
        return {
            "kept_value": f"{economics['kept_value']:,.0f}",
            "success_rate": f"{100 * economics['success_rate']:.0f} %",
            "contact_cost": f"{economics['contact_cost']:,.0f}",
            "budget_share": f"{100 * economics['budget_share']:.0f} %",
            "break_even": f"{economics['break_even']:.3f}",
            "rate": f"{100 * metrics['rate']:.1f} %",
        }


TASK = ChurnTask()


def _retention_row(row: Mapping[str, Any]) -> Cells:
    return {
        "model": row["model"],
        "list": row["list"],
        "contacts": f"{row['contacts']:,.0f}",
        "leavers reached": f"{100 * row['reached']:.1f} %",
        "expected euro": f"{row['expected']:z,.0f}",
        "realised euro": f"{row['realised']:z,.0f}",
    }


def _gain_row(row: Mapping[str, Any]) -> Cells:
    return {
        "contacted": f"{100 * row['share']:.0f} %",
        "contacts": f"{row['contacts']:,.0f}",
        "leavers reached": f"{100 * row['leavers_reached']:.1f} %",
        "expected euro": f"{row['expected']:z,.0f}",
        "realised euro": f"{row['realised']:z,.0f}",
        "by lot, euro": f"{row['random']:z,.0f}",
    }


def _fairness_row(row: Mapping[str, Any]) -> Cells:
    figures = ("left", "selected", "recall", "predicted", "calibration")
    return {
        "by": row["by"],
        "segment": row["segment"],
        "n": f"{row['n']:,}",
        **{name: format_interval(row[name]) for name in figures},
    }
