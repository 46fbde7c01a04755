"""What a service asks of a model, whatever is behind it: named columns in, one row of scores per row out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from common_utils.errors import ArtifactError, DataError

__all__ = ["Columns", "Scorer", "checked_scores", "row_count"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""Feature columns by name: 1-D arrays of one length, in any order."""


@runtime_checkable
class Scorer(Protocol):
    """A fitted classifier as a service sees it.

    Attributes
    ----------
    classes : tuple of str
        What the columns of the scores mean, in order.

    Examples
    --------
    >>> class Coin:
    ...     classes = ("heads", "tails")
    ...     def score(self, columns):
    ...         return np.full((row_count(columns), 2), 0.5)
    >>> isinstance(Coin(), Scorer)
    True
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the score columns."""
        ...

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        columns : mapping of str to array of shape (n_rows,)
            Every column the model was trained on.

        Returns
        -------
        float64 array of shape (n_rows, n_classes)
            Finite; what each column means is in `classes`.
        """
        ...


def row_count(columns: Columns) -> int:
    """Return how many rows a set of columns has.

    Raises
    ------
    DataError
        If there is no column, a column is not 1-D, or the lengths differ.

    Examples
    --------
    >>> row_count({"minutes": np.array([10.0, 20.0]), "messages": np.array([1.0, 2.0])})
    2
    """
    if not columns:
        raise DataError("No column was given; pass every column the model was trained on.")
    flat = all(column.ndim == 1 for column in columns.values())
    lengths = {len(column) for column in columns.values()} if flat else set[int]()
    if len(lengths) != 1:
        shapes = {name: column.shape for name, column in list(columns.items())[:5]}
        raise DataError(f"Columns must be 1-D and of one length; got shapes {shapes}.")
    return lengths.pop()


def checked_scores(scores: NDArray[Any], n_rows: int, n_classes: int) -> NDArray[np.float64]:
    """Return `scores` as float64, or refuse what no client should be told.

    Parameters
    ----------
    scores : array of shape (n_rows, n_classes)
        What the model answered.
    n_rows, n_classes : int
        The shape it must have.

    Raises
    ------
    ArtifactError
        If the shape is another one or a score is not finite: the fault is the model's, not the request's.

    Examples
    --------
    >>> checked_scores(np.array([[0.25, 0.75]]), n_rows=1, n_classes=2).tolist()
    [[0.25, 0.75]]
    """
    if scores.shape != (n_rows, n_classes):
        raise ArtifactError(
            f"The model answered scores of shape {scores.shape}, expected {(n_rows, n_classes)}; "
            "the bundle's classes and its model do not belong together, train it again."
        )
    exact = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(exact).all():
        raise ArtifactError("The model answered a score that is not finite; check its data and train it again.")
    return exact
