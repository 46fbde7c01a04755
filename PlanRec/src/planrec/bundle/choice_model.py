"""The choice model that scores any plan, as plain arrays: a logit, or boosted trees that see its utility; tempered.

`planrec.choice` learns it and proves the arrays the same (`planrec.choice.compiling`); what a bundle holds is opened
here, without scikit-learn, pandas or a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle
from common_utils.compiled import CompiledChoice, CompiledModel, softmax_within
from common_utils.errors import ArtifactError
from planrec.billing import Catalogue
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import (
    Alternatives,
    ChoiceRows,
    alternatives_of,
    tree_numbers,
)
from planrec.decisions.plan_tables import PlanTables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CHOICE_FILES", "ChoiceModel", "tempered"]

MODEL_FILE, TREE_ARRAYS_FILE, TREE_META_FILE = "choice_model.json", "choice_trees.npz", "choice_trees.json"
CHOICE_FILES = ("choice.json", MODEL_FILE)
"""Files of every choice model; trees have two more."""

_FORMAT = 2


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Return chances drawn together (temperature above 1) or apart; each row adds up to 1, whatever it added up to.

    Parameters
    ----------
    probabilities : float64 array of shape (n, k)
        >= 0, one above 0 in each row.
    temperature : float
        > 0; 1 changes nothing.

    References
    ----------
    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.

    Examples
    --------
    >>> tempered(np.array([[0.8, 0.2, 0.0]]), 2.0).round(3).tolist()
    [[0.667, 0.333, 0.0]]
    """
    powered = probabilities ** (1 / temperature)
    return powered / powered.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class ChoiceModel:
    """P(take) of every plan of a rate card, from plain arrays; a `common_utils.scoring.Scorer`.

    Attributes
    ----------
    catalogue : Catalogue
        The plans that are scored; `with_catalogue` gives others, because no number belongs to a plan.
    history_months : int
        Months of history in a row, >= 1.
    with_current_plan : bool
        Whether the plan held before is looked at.
    logit : CompiledChoice
        Utility of each plan by `decisions.alternatives.ALTERNATIVE_FEATURES`.
    temperature : float
        As `tempered`, > 0.
    trees : CompiledModel or None
        Trees over some of `decisions.choice_sets.BOOSTING_FEATURES`; None where the logit answers itself.
    """

    catalogue: Catalogue
    history_months: int
    with_current_plan: bool
    logit: CompiledChoice
    temperature: float = 1.0
    trees: CompiledModel | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Plan ids in the order of the scores."""
        return self.catalogue.plan_ids

    def with_catalogue(self, catalogue: Catalogue) -> ChoiceModel:
        """Return the same model for another rate card, for example one with a plan that is only drafted."""
        return replace(self, catalogue=catalogue)

    def score(self, columns: Mapping[str, NDArray[np.generic]]) -> FloatArray:
        """Return P(take) of decision rows as named columns; float64 array of shape (n, n_plans)."""
        return self.predict_proba(columns)

    def predict_proba(
        self,
        X: Union[pd.DataFrame, ChoiceRows],  # noqa: UP007 - scikit-learn's name; pandas for the type checker
    ) -> FloatArray:
        """Return P(take) by catalogue position; 0 outside the choice set, each row adds up to 1."""
        alternatives = alternatives_of(
            X, self.catalogue, history_months=self.history_months, with_current_plan=self.with_current_plan
        )
        return self.chances(X, alternatives)

    def chances(
        self,
        X: Union[pd.DataFrame, ChoiceRows],  # noqa: UP007 - as above
        alternatives: Alternatives,
    ) -> FloatArray:
        """Return P(take) among alternatives that are given; 0 where not available, each row adds up to 1.

        Parameters
        ----------
        X : DataFrame or mapping of str to array of shape (n,)
            The rows that the alternatives belong to; trees read `age` and `tenure_months` where present.
        alternatives : Alternatives
            At least one is available in each row.
        """
        utility, available = self.logit.utilities(alternatives.features), alternatives.available
        tables = self.tables()
        if tables is None:
            return tempered(softmax_within(utility, available), self.temperature)
        log_odds = tables.log_odds(tree_numbers(X, alternatives, utility=utility), alternatives.current)
        against = np.exp(-np.where(available, log_odds, -np.inf))
        powers = (1.0 + against) ** (-1 / self.temperature)  # chances, tempered; made to add up to 1 below
        return powers / powers.sum(axis=1, keepdims=True)

    def tables(self) -> PlanTables | None:
        """Return the trees as tables for the plans of the rate card; None where the logit answers itself.

        Raises
        ------
        ArtifactError
            As `PlanTables`.
        """
        return self._tables

    @cached_property
    def _tables(self) -> PlanTables | None:
        return None if self.trees is None else PlanTables(self.trees, self.catalogue)

    def save(self, folder: Path) -> None:
        """Write the arrays into the folder of a bundle; the settings and the rate card stand beside them."""
        self.logit.save(folder)
        meta = {"format": _FORMAT, "temperature": self.temperature, "trees": self.trees is not None}
        (folder / MODEL_FILE).write_text(json.dumps(meta) + "\n", encoding="utf-8")
        if self.trees is not None:
            arrays, described = self.trees.files()
            (folder / TREE_ARRAYS_FILE).write_bytes(arrays)
            (folder / TREE_META_FILE).write_bytes(described)

    @classmethod
    def open(cls, bundle: Bundle, catalogue: Catalogue, *, history_months: int, with_current_plan: bool) -> ChoiceModel:
        """Return the choice model of a verified bundle.

        Raises
        ------
        ArtifactError
            If the bundle has none, or its files do not describe one.
        """
        missing = [name for name in CHOICE_FILES if name not in bundle.files]
        if missing:
            raise ArtifactError(f"bundle {bundle.version} holds no choice model ({missing[0]}); train again.")
        temperature, has_trees = _described(bundle)
        trees = None
        if has_trees:
            trees = CompiledModel.read(bundle.read_bytes(TREE_ARRAYS_FILE), bundle.read_bytes(TREE_META_FILE))
        return cls(
            catalogue,
            history_months,
            with_current_plan,
            CompiledChoice.open(bundle, ALTERNATIVE_FEATURES),
            temperature,
            trees,
        )


def _described(bundle: Bundle) -> tuple[float, bool]:
    meta: Any = bundle.read_json(MODEL_FILE)
    known = isinstance(meta, dict) and meta.keys() == {"format", "temperature", "trees"} and meta["format"] == _FORMAT
    if not known or not isinstance(meta["temperature"], float | int) or not isinstance(meta["trees"], bool):
        raise ArtifactError(f"bundle {bundle.version}: {MODEL_FILE} does not describe a choice model; train again.")
    temperature = float(meta["temperature"])
    if not (np.isfinite(temperature) and temperature > 0):
        raise ArtifactError(f"bundle {bundle.version}: {MODEL_FILE}: temperature must be above 0; train again.")
    return temperature, meta["trees"]
