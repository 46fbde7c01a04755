"""The features of decision rows as a server computes them: plain arrays in, a matrix out, no table library.

The scikit-learn transformer (`features.DecisionFeatures`) calls the same object, so that training and service cannot
drift apart; its fingerprint lets a service refuse a model that was trained on other formulas or another rate card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.bundle import fingerprint_bytes
from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.columns import CONTRACT_LEFT, CURRENT_PLAN, TENURE
from planrec.decisions.formulas import decision_features, feature_names
from planrec.outlook import history_of
from planrec.outlook.history import history_columns

__all__ = ["DecisionMatrix", "plan_indices"]


_PROBE_DECIMALS = 6  # sums in another order must not make another fingerprint


def plan_indices(plan_ids: Iterable[object], catalogue: Catalogue) -> IntArray:
    """Return catalogue positions, -1 where a plan is missing or not in the catalogue.

    Examples
    --------
    >>> plan_indices(["ultimate", None, "gone"], megaline).tolist()
    [1, -1, -1]
    """
    seen = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
    return np.array([seen.get(v, -1) if isinstance(v, str) else -1 for v in plan_ids], dtype=np.int64)


@dataclass(frozen=True)
class DecisionMatrix:
    """`formulas.decision_features` and further columns, for named columns of decision rows.

    Attributes
    ----------
    catalogue : Catalogue
        The plans that past usage is rated on.
    history_months : int
        Months of history in a row, >= 1.
    with_current_plan : bool
        Whether the plan held before, tenure and contract are used.
    extra_columns : tuple of str
        Further numeric columns, passed through; missing values stay NaN.
    usage_statistics : bool
        As `formulas.decision_features`.

    Examples
    --------
    >>> features = DecisionMatrix(megaline, 1, True)
    >>> row = features({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [0.0], "current_plan": ["surf"]})[0]
    >>> float(row[features.feature_names.index("current_bill")])
    2030.0
    """

    catalogue: Catalogue
    history_months: int
    with_current_plan: bool
    extra_columns: tuple[str, ...] = ()
    usage_statistics: bool = True

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of the matrix."""
        made = feature_names(
            self.catalogue, with_current_plan=self.with_current_plan, usage_statistics=self.usage_statistics
        )
        return (*made, *self.extra_columns)

    @property
    def fingerprint(self) -> str:
        """Sha256 of the names and of what the formulas say of a few made-up rows.

        Another formula, rate card or number of months gives another fingerprint.
        """
        said = np.round(self(self._made_up_rows()), _PROBE_DECIMALS) + 0.0  # no -0
        return fingerprint_bytes("\n".join(self.feature_names).encode() + said.tobytes())

    def __call__(self, columns: Mapping[str, NDArray[np.generic]]) -> FloatArray:
        """Return the features of decision rows.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            `history_columns(history_months)`, `extra_columns` and, with the current plan, `current_plan`;
            `tenure_months` and `contract_months_left` are read where present.

        Returns
        -------
        float64 array of shape (n, len(feature_names))

        Raises
        ------
        DataError
            If a column is missing, or one of `extra_columns` holds text.
        """
        columns = self._needed(columns)
        history = history_of(columns, self.history_months)
        n = len(history.known)
        matrix = (
            decision_features(
                history,
                self.catalogue,
                current=plan_indices(columns[CURRENT_PLAN], self.catalogue),
                tenure_months=_optional(columns, TENURE, n),
                contract_months_left=_optional(columns, CONTRACT_LEFT, n),
                usage_statistics=self.usage_statistics,
            )
            if self.with_current_plan
            else decision_features(history, self.catalogue, usage_statistics=self.usage_statistics)
        )
        return np.hstack([matrix, *(_numbers(columns[name], name)[:, None] for name in self.extra_columns)])

    def _needed(self, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        needed = [*history_columns(self.history_months), *self.extra_columns]
        if self.with_current_plan:
            needed.append(CURRENT_PLAN)
        missing = [name for name in needed if name not in columns]
        if missing:
            raise DataError(f"decision rows: missing column(s) {missing[:5]}; build them with `decision_table`.")
        optional = [name for name in (TENURE, CONTRACT_LEFT) if name in columns]
        return {name: np.asarray(columns[name]) for name in (*needed, *optional)}

    def _made_up_rows(self) -> dict[str, NDArray[np.generic]]:
        """One row per plan held and one without, with usage around and far above the allowances."""
        plans = [*self.catalogue.plan_ids, None]
        ladder = np.arange(len(plans), dtype=np.float64)
        rows: dict[str, NDArray[np.generic]] = {CURRENT_PLAN: np.array(plans, dtype=object)}
        for i, name in enumerate(history_columns(self.history_months)):
            rows[name] = (ladder * 397.25 + i * 61.5) * (40.0 if name.startswith("megabytes") else 1.0)
        for i, name in enumerate((TENURE, CONTRACT_LEFT, *self.extra_columns)):
            rows[name] = ladder + i
        return rows


def _numbers(column: NDArray[np.generic], name: str) -> FloatArray:
    try:
        return np.asarray(column, dtype=np.float64)
    except ValueError:
        # Not chained: the cause repeats a value.
        raise DataError(
            f"decision rows: column {name!r} holds text, and only numbers can be features; "
            "take it out of `extra_columns`, or give it as numbers."
        ) from None


def _optional(columns: Mapping[str, NDArray[np.generic]], name: str, n: int) -> FloatArray:
    return np.asarray(columns[name], dtype=np.float64) if name in columns else np.full(n, np.nan)
