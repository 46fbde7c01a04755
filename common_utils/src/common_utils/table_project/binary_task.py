"""What projects on a yes-or-no target share: candidates on the same folds, figures, answers, explanations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.evaluation import reliability_table
from common_utils.evaluation.binary import binary_figures, out_of_fold, paired_differences
from common_utils.evaluation.fold_spread import fold_spread, fold_values
from common_utils.reporting.cards import format_interval
from common_utils.table_project.cards import figure_rows
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.explanations import Explanation, column_contributions
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.task import FOLD_VALUES, Cells, Rounds, Step, TableTask

__all__ = ["PATH_METHOD", "SHIPPED", "BinaryTask"]

Settings = TypeVar("Settings", bound=TableProjectConfig)

SHIPPED = "shipped"
PATH_METHOD = (
    "Path contributions: along each tree's path the steps of the mean score, by feature, averaged over the forests "
    "and scaled by the calibration. They add up to the score exactly; unlike Shapley values they depend on the order "
    "of splits. What a formula over several columns adds is shared equally by these columns."
)
_FIGURES = (
    "auc",
    "average_precision",
    "f1",
    "precision",
    "recall",
    "accuracy",
    "brier",
    "log_loss",
    "ece",
    "ece_if_perfect",
)
_PAIRED = ("auc", "f1", "brier", "log_loss", "ece")


class BinaryTask(TableTask[Settings]):
    """A project on one table with a target of 0 and 1; pipelines end in a `ThresholdClassifier`.

    Attributes
    ----------
    yes, no : str
        The answers.
    event : str
        For sentences, for example `leaving`.
    decision_figures : mapping of str to tuple of str
        Further figures: by name, the rule whose threshold decides, and the figure, accuracy or f1. For goals that do
        not depend on which rule is chosen.
    """

    yes: str
    no: str
    event: str
    decision_figures: Mapping[str, tuple[str, str]] = MappingProxyType({})

    @abstractmethod
    def candidates(self, config: Settings) -> Mapping[str, Callable[[], Any]]:
        """Return what the shipped model is compared with, by name: builders of unfitted pipelines."""

    def cross_validate(self, config: Settings, rows: pd.DataFrame, rounds: Rounds, step: Step) -> dict[str, Any]:
        """Return figures of the shipped model and of each candidate, and their paired differences."""
        y = rows[self.target].to_numpy(dtype=np.int64)
        builders = {SHIPPED: lambda: self.build(config), **self.candidates(config)}
        answers = {
            name: out_of_fold(build, rows, y, rounds, answers_of, step=step, label=name)
            for name, build in builders.items()
        }
        groups = self.groups(rows)

        def chance() -> dict[str, Any]:  # the same resamples for every model
            return {
                "n_resamples": config.evaluation.resamples,
                "rng": np.random.default_rng(config.training.seed),
                "groups": groups,
            }

        step("resampling")
        figures = {name: self._figures_of(y, a, chance) for name, a in answers.items()}
        ours = answers[SHIPPED]
        by_fold = {name: self._fold_values(y, answer, rounds) for name, answer in answers.items()}
        return {
            "cross_validation": figures.pop(SHIPPED),
            "candidates": figures,
            "paired": {
                name: paired_differences(
                    y, (ours["probability"], ours["decided"]), (a["probability"], a["decided"]), **chance()
                )
                for name, a in answers.items()
                if name != SHIPPED
            },
            "spread": self._spread(by_fold, rounds),
            FOLD_VALUES: by_fold[SHIPPED],
            "rate": float(y.mean()),
            "reliability": reliability_table(ours["probability"].ravel(), np.tile(y, len(rounds))),
            **self.further(config, rows, y, answers),
        }

    def further(
        self, config: Settings, rows: pd.DataFrame, y: NDArray[np.int64], answers: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return figures of the project's own from out-of-fold answers; none unless a project says so.

        Parameters
        ----------
        config : TableProjectConfig
        rows : DataFrame of shape (n, m)
        y : int64 array of shape (n,)
        answers : mapping
            By model (`SHIPPED` and the candidates): `probability`, `decided` and `decided_<rule>`, each of shape
            (n_rounds, n).
        """
        del config, rows, y, answers
        return {}

    def score_holdout(self, config: Settings, model: Any, rows: pd.DataFrame) -> dict[str, Any]:
        """Return the figures of the shipped model on rows it never saw, with its thresholds."""
        groups = self.groups(rows)

        def chance() -> dict[str, Any]:
            return {
                "n_resamples": config.evaluation.resamples,
                "rng": np.random.default_rng(config.training.seed),
                "groups": groups,
            }

        figures = self._figures_of(rows[self.target].to_numpy(), answers_of(model, rows), chance)
        return {**figures, "rows": len(rows), **self.learnt(model)}

    def learnt(self, model: Any) -> dict[str, Any]:
        """Return the thresholds by rule."""
        return {"thresholds": dict(model[-1].thresholds_)}

    def check_measurable(self, rows: pd.DataFrame, part: str) -> None:
        """Refuse rows of one outcome only."""
        found = sorted(set(rows[self.target].tolist()))
        if found != [0, 1]:
            raise DataError(
                f"{self.spec.name}: {part} hold {self.target} = {found} only; nothing can be measured. Bring more rows."
            )

    def predictions(self, config: Settings, model: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """Return `prediction` (yes or no by the chosen threshold) and `probability` of yes."""
        del config
        found = answers_of(model, rows)
        return pd.DataFrame(
            {"prediction": np.where(found["decided"], self.yes, self.no), "probability": found["probability"]}
        )

    def explain(self, config: Settings, model: Any, rows: pd.DataFrame) -> Explanation:
        """Return what the log-odds of one record are made of."""
        del config
        features = model[0]
        matrix = features.transform(rows)
        classifier = model[-1].classifier_
        base, parts = classifier.contributions(matrix)
        score = float(classifier.decision_function(matrix)[0])
        named = column_contributions(features.step(), table_columns(rows), matrix[0], parts[0])
        probability = float(model.predict_proba(rows)[0, 1])
        return Explanation(
            base=float(base),
            contributions=named,
            score=score,
            unit=f"log-odds of {self.event}",
            answer=f"{100 * probability:z.0f} % likely: {self.event}",
            method=PATH_METHOD,
        )

    def _figures_of(
        self, y: NDArray[np.int64], answer: Mapping[str, Any], chance: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        figures = binary_figures(y, answer["probability"], answer["decided"], **chance())
        for name, (rule, figure) in self.decision_figures.items():
            of_rule = binary_figures(y, answer["probability"], answer[f"decided_{rule}"], **chance())
            figures[name] = of_rule[figure]
        return figures

    def _spread(
        self, by_model: Mapping[str, dict[str, FloatArray]], rounds: Rounds
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Return how figures vary over folds and rounds: of the shipped model, and of it less each candidate."""
        ours = by_model[SHIPPED]
        return {
            SHIPPED: {figure: fold_spread(values, rounds) for figure, values in ours.items()},
            **{
                name: {figure: fold_spread(ours[figure] - values, rounds) for figure, values in theirs.items()}
                for name, theirs in by_model.items()
                if name != SHIPPED
            },
        }

    def _fold_values(self, y: NDArray[np.int64], answer: Mapping[str, Any], rounds: Rounds) -> dict[str, FloatArray]:
        values = fold_values(y, answer["probability"], answer["decided"], rounds)
        for name, (rule, figure) in self.decision_figures.items():
            values[name] = fold_values(y, answer["probability"], answer[f"decided_{rule}"], rounds)[figure]
        return values

    def tables(self, metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
        """Return figures, candidates on the same folds, paired differences, and the spread over folds and rounds."""
        parts = {"shipped": metrics["cross_validation"], **metrics["candidates"]}
        differences = [
            {
                "shipped less": name,
                **{figure.replace("_", " "): format_interval(found[figure], digits=4) for figure in _PAIRED},
            }
            for name, found in metrics["paired"].items()
        ]
        spread = [
            _spread_row(SHIPPED if name == SHIPPED else f"{SHIPPED} less {name}", figure, found)
            for name, figures in metrics.get("spread", {}).items()  # bundles trained before it was measured have none
            for figure, found in figures.items()
        ]
        names = (*_FIGURES, *self.decision_figures)
        return {
            "Figures": figure_rows(
                {"cross-validation": metrics["cross_validation"], "holdout": metrics["holdout"]}, names
            ),
            "On the same folds": figure_rows(parts, names),
            "Paired differences": differences,
            **({"Over folds and rounds": spread} if spread else {}),
        }


def answers_of(model: Any, rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return probabilities and decisions of a fitted pipeline that ends in a `ThresholdClassifier`.

    Returns
    -------
    dict
        `probability`; `decided` by the chosen rule; `decided_<rule>` by each.
    """
    probability = model.predict_proba(rows)[:, 1]
    final = model[-1]
    return {
        "probability": probability,
        "decided": probability >= final.thresholds_[final.chosen],
        **{f"decided_{name}": probability >= threshold for name, threshold in final.thresholds_.items()},
    }


def _spread_row(what: str, figure: str, found: Mapping[str, float]) -> Cells:
    return {
        "of": what,
        "figure": figure.replace("_", " "),
        "mean over folds": f"{found['mean']:z.4f}",
        "sd of folds": f"{found['fold_sd']:z.4f}",
        "SE over folds": f"{found['fold_se']:z.4f}",
        "SE over rounds": f"{found['round_se']:z.4f}",
    }
