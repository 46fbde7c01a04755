"""What a project on one table says of its domain; reading, splitting, bundling, cards and commands are written once.

A project writes one class. Its hooks take and return tables, arrays and plain numbers: no file, no clock, no settings
from elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from common_utils.compiled import CompiledModel
from common_utils.config.project import ProjectSpec
from common_utils.splits import Fold, grouped_folds, grouped_stratified_folds, stratified_folds
from common_utils.table_project.compiling import compile_table_model
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.explanations import Explanation

__all__ = ["FOLD_VALUES", "Cells", "Goal", "Rounds", "Step", "TableTask"]

Settings = TypeVar("Settings", bound=TableProjectConfig)
Cells = dict[str, str]
"""One row of a table of text."""
Rounds = Sequence[Sequence[Fold]]
"""Rounds of cross-validation: for each, its folds."""
Step = Callable[[str], None]
"""Told in a few words what begins."""

FOLD_VALUES = "fold_values"
"""Where `cross_validate` may put figures by round and fold; a run keeps them, a bundle does not."""

_LIBRARIES = ("catboost", "common-utils", "joblib", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Goal:
    """A level a figure has to reach.

    Attributes
    ----------
    figure : str
        Key in `metrics["cross_validation"]`, an interval or a number.
    title : str
        For people.
    must : float
        What has to hold.
    goal : float or None
        What is aimed at.
    higher_is_better : bool
    digits : int
        Decimals shown.
    beside : str
        Key of a figure to show beside it, with `beside_title`: what the figure means only against. Empty: nothing.
    beside_title : str

    Examples
    --------
    >>> Goal("auc", "AUC", 0.865, 0.872).reached(0.87)
    'must'
    >>> Goal("ece", "ECE", 0.02, 0.015, higher_is_better=False).reached(0.03)
    'no'
    """

    figure: str
    title: str
    must: float
    goal: float | None = None
    higher_is_better: bool = True
    digits: int = 3
    beside: str = ""
    beside_title: str = ""

    def reached(self, value: float) -> str:
        """Return `goal`, `must` or `no`."""
        sign = 1 if self.higher_is_better else -1
        if self.goal is not None and sign * value >= sign * self.goal:
            return "goal"
        return "must" if sign * value >= sign * self.must else "no"


class TableTask(ABC, Generic[Settings]):
    """One project on one table.

    Attributes
    ----------
    spec : ProjectSpec
    target : str
        Column to predict.
    id_column : str or None
        Column that names a record, for prediction files and the holdout; row numbers where None.
    is_class : bool
        Whether the target is a class, whose share every fold keeps, or a quantity.
    answers_missing : bool
        Whether the model answers where a feature is missing.
    goals : sequence of Goal
        Rows of the goal table, measured on the public table.
    figure_names : sequence of str
        PNG files that `figures` writes.
    coarse_groups : sequence of str
        Columns of text whose values entries of the decision log carry, for reports on bias; few values each.
    outcome : str
        Kind of outcome (`decision_log.kinds`) that tells what the target became; empty where none does. An amount is
        told in cents.
    caveat : str
        What a reader must know beside every figure and every file of answers; shown with them. Empty: nothing.
    """

    spec: ProjectSpec[Settings]
    target: str
    id_column: str | None = None
    is_class: bool = True
    answers_missing: bool = True
    goals: Sequence[Goal] = ()
    figure_names: Sequence[str] = ()
    coarse_groups: Sequence[str] = ()
    outcome: str = ""
    caveat: str = ""

    def folds(self, rows: pd.DataFrame, groups: NDArray[Any] | None, *, n_splits: int, seed: int) -> Sequence[Fold]:
        """Return one round of folds: groups whole where there are any, classes even where the target is one."""
        if self.is_class:
            y = rows[self.target].to_numpy()
            if groups is None:
                return stratified_folds(y, n_splits=n_splits, seed=seed)
            return grouped_stratified_folds(y, groups, n_splits=n_splits, seed=seed)
        return grouped_folds(np.arange(len(rows)) if groups is None else groups, n_splits=n_splits, seed=seed)

    @property
    def score_column(self) -> str:
        """Column of `predictions` that is the model's score, whose distribution is watched."""
        return "probability" if self.is_class else "prediction"

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose versions a bundle records."""
        return (*_LIBRARIES, self.spec.name)

    @abstractmethod
    def schema(self) -> pandera.DataFrameSchema:
        """Return the schema of the training file; what `record_schema` leaves out is never asked of a user."""

    def record_schema(self) -> pandera.DataFrameSchema:
        """Return the schema of records to answer: without the target; only feature columns may be required."""
        return self.schema().remove_columns([self.target])

    @abstractmethod
    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        """Return synthetic rows with the columns and ranges of the training file."""

    def tidied(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the training table as it is meant, for example names in one spelling; rows stay as they are."""
        return frame

    def rules(self, frame: pd.DataFrame, config: Settings) -> Mapping[str, NDArray[np.bool_]]:
        """Return the cleaning rules: by name, which rows they remove; none unless a project says so."""
        del frame, config
        return {}

    def check_measurable(self, rows: pd.DataFrame, part: str) -> None:
        """Refuse rows that nothing can be measured on, before the work and not after it.

        Parameters
        ----------
        rows : DataFrame of shape (n, m)
        part : str
            Which they are, for the message.

        Raises
        ------
        DataError
            Saying what is missing.
        """
        del rows, part

    def groups(self, frame: pd.DataFrame) -> NDArray[Any] | None:
        """Return the person or thing each row belongs to, kept whole by every split; None where rows stand alone."""
        del frame
        return None

    @abstractmethod
    def build(self, config: Settings) -> Any:
        """Return the unfitted Pipeline that ships; its first step takes a table or a mapping of columns."""

    @abstractmethod
    def cross_validate(self, config: Settings, rows: pd.DataFrame, rounds: Rounds, step: Step) -> dict[str, Any]:
        """Return every figure out of fold: `cross_validation` with the goals' figures, and tables beside it."""

    @abstractmethod
    def score_holdout(self, config: Settings, model: Any, rows: pd.DataFrame) -> dict[str, Any]:
        """Return the same figures of a fitted model on rows it never saw."""

    @abstractmethod
    def predictions(self, config: Settings, model: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one answer for each record: `prediction`, and probability or interval."""

    @abstractmethod
    def explain(self, config: Settings, model: Any, rows: pd.DataFrame) -> Explanation:
        """Return what the score of a single record is made of."""

    @abstractmethod
    def tables(self, metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
        """Return the results as tables of text by title: terminal, README, results and card show the same."""

    @abstractmethod
    def figures(self, folder: Path, metrics: Mapping[str, Any]) -> None:
        """Write the PNG files of `figure_names`."""

    def compile(self, config: Settings, model: Any, rows: pd.DataFrame) -> CompiledModel:
        """Return the fitted model as plain arrays for the service, proven equal on varied rows.

        Raises
        ------
        CompileError, ParityError
            As `table_project.compiling.compile_table_model`.
        """
        return compile_table_model(model, rows, seed=config.training.seed, missing=self.answers_missing)[0]

    def service_files(self, config: Settings, model: Any) -> Mapping[str, bytes]:
        """Return what the service reads from the bundle besides the compiled model, by file name; no pickle."""
        del config, model
        return {}

    def learnt(self, model: Any) -> Mapping[str, Any]:
        """Return what a service needs to know of a fitted model beside its arrays, as part of `metrics.json`."""
        del model
        return {}

    def card_values(self, metrics: Mapping[str, Any]) -> dict[str, object]:
        """Return values for placeholders of the project's own card template, besides the common ones."""
        del metrics
        return {}
