"""TelecomAI as a task on one table: only what is its own; everything else is in `common_utils`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from common_utils.reporting.cards import format_interval
from common_utils.table_project.binary_task import SHIPPED, BinaryTask
from common_utils.table_project.task import Cells, Goal
from telecom.caveat import CAVEAT
from telecom.columns import IS_ULTRA
from telecom.config import SPEC, TelecomConfig
from telecom.data import record_schema, sample_months, usage_schema
from telecom.evaluation import agreement, bill_band_table
from telecom.figures import FIGURES, write_figures
from telecom.models import F1, LIKELIER, boosted_pipeline, logistic_pipeline, reference_pipeline

__all__ = ["LINEAR", "LINEAR_WITH_BILLS", "REFERENCE", "TASK", "WITH_BILLS", "PlanTask"]

LINEAR = "logistic regression"
LINEAR_WITH_BILLS = "logistic regression with bills"
REFERENCE = "public reference (gradient boosting)"
WITH_BILLS = "the same forests with bills"


class PlanTask(BinaryTask[TelecomConfig]):
    """Which plan a month of usage was on; the plan held, not the best plan."""

    spec = SPEC
    target = IS_ULTRA
    outcome = "plan_taken"
    yes, no, event = "ultra", "smart", "being on Ultra"
    caveat = CAVEAT
    figure_names = FIGURES
    decision_figures = MappingProxyType(
        {"accuracy_likelier_plan": (LIKELIER, "accuracy"), "f1_threshold_inside": (F1, "f1")}
    )
    goals = (
        Goal("accuracy_likelier_plan", "accuracy (the likelier plan)", 0.805, 0.814),
        Goal("f1_threshold_inside", "F1 of Ultra (threshold chosen inside the folds)", 0.640, 0.657),
        Goal("auc", "AUC", 0.815, 0.828),
        Goal("brier", "Brier score", 0.144, 0.139, higher_is_better=False),
    )

    def schema(self) -> pandera.DataFrameSchema:
        """Return `data.usage_schema`."""
        return usage_schema()

    def record_schema(self) -> pandera.DataFrameSchema:
        """Return `data.record_schema`."""
        return record_schema()

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        """Return `data.sample_months`."""
        return sample_months(n_rows, rng)

    def build(self, config: TelecomConfig) -> Any:
        """Return `models.boosted_pipeline`."""
        return boosted_pipeline(config)

    def candidates(self, config: TelecomConfig) -> Mapping[str, Callable[[], Any]]:
        """Return logistic regression with and without bills, the public reference's configuration, ours with bills."""
        return {
            LINEAR: lambda: logistic_pipeline(config, bills=False),
            LINEAR_WITH_BILLS: lambda: logistic_pipeline(config, bills=True),
            REFERENCE: lambda: reference_pipeline(config),
            WITH_BILLS: lambda: boosted_pipeline(config, bills=True),
        }

    def further(
        self,
        config: TelecomConfig,
        rows: pd.DataFrame,
        y: NDArray[np.int64],
        answers: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return how often the plan held was the dearer one, and how the model fares by the bill on Smart."""
        ours = answers[SHIPPED]
        return {
            "agreement": agreement(rows, y),
            "bands": bill_band_table(
                rows,
                ours["probability"],
                ours[f"decided_{LIKELIER}"],
                y,
                n_resamples=config.evaluation.resamples,
                seed=config.training.seed,
            ),
        }

    def tables(self, metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
        """Return the tables of every binary task, then the plan held against the cheaper one, and bill bands."""
        return {
            **super().tables(metrics),
            "The plan held against the cheaper one": [_agreement_row(row) for row in metrics["agreement"]],
            "By what the month would cost on Smart": [_band_row(row) for row in metrics["bands"]],
        }

    def figures(self, folder: Path, metrics: Mapping[str, Any]) -> None:
        """Write `figures.write_figures`."""
        write_figures(folder, metrics)

    def card_values(self, metrics: Mapping[str, Any]) -> dict[str, object]:
        """Return the caveat, and how often the plan held is the dearer one."""
        both = next(row for row in metrics["agreement"] if row["plan"] == "both")
        return {
            "caveat": CAVEAT,
            "rate": f"{100 * metrics['rate']:.1f} %",
            "dearer": f"{100 * both['dearer']:.0f} %",
            "overpaid_share": f"{100 * both['overpaid_share']:.0f} %",
        }


TASK = PlanTask()


def _agreement_row(row: Mapping[str, Any]) -> Cells:
    return {
        "plan held": row["plan"],
        "months": f"{row['months']:,}",
        "on the dearer plan": f"{100 * row['dearer']:.1f} %",
        "overpaid, roubles a month": f"{row['overpaid']:,.0f}",
        "overpaid, share of bills": f"{100 * row['overpaid_share']:.1f} %",
    }


def _band_row(row: Mapping[str, Any]) -> Cells:
    return {
        "bill on Smart, roubles": row["segment"],
        "months": f"{row['n']:,}",
        "on Ultra": format_interval(row["held"]),
        "predicted": format_interval(row["predicted"]),
        "called Ultra": format_interval(row["called"]),
        "named right": format_interval(row["right"]),
    }
