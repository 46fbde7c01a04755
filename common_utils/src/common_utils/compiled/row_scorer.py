"""Scores of one row of plain numbers, as a project's own formulas give them to a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np

from common_utils.compiled.links import answer_row
from common_utils.compiled.nodes import ForestNode, Node
from common_utils.compiled.row_tables import DecidedColumns, RowTables
from common_utils.errors import ArtifactError, DataError

__all__ = ["NOT_FINITE", "RowScorer"]

NOT_FINITE = "The model answered a score that is not finite; check its data and train it again."


class RowScorer:
    """Scores of one row, quickly, and the same bits as in a batch.

    Parameters
    ----------
    node : Node
        What is computed from the features.
    taken : sequence of str
        Columns that `node` takes, in order.
    names : sequence of str
        Columns that a row gives, in order; those that `node` does not take are left alone.
    decided : DecidedColumns, optional
        Columns that a last number of the row decides: the case, 0 to n_cases - 1.

    Raises
    ------
    DataError
        If a column is not given, or given twice.

    Examples
    --------
    >>> from common_utils.compiled.nodes import LinearNode
    >>> node = LinearNode(np.array([[2.0, 1.0]]), np.array([0.5]), "identity")
    >>> RowScorer(node, ("x", "y"), ("y", "x"))([1.0, 10.0])
    [21.5]
    >>> fees = DecidedColumns(("y",), np.array([[100.0], [200.0]]))
    >>> RowScorer(node, ("x", "y"), ("x",), fees)([10.0, 1])
    [220.5]
    """

    def __init__(
        self, node: Node, taken: Sequence[str], names: Sequence[str], decided: DecidedColumns | None = None
    ) -> None:
        given = [*names, *(() if decided is None else decided.names)]
        place = {name: at for at, name in enumerate(given)}
        lost = [name for name in taken if name not in place]
        if lost or len(place) != len(given):
            raise DataError(f"row: not given are {lost[:5]}, and {len(given) - len(place)} column(s) are given twice.")
        self._width = len(names)
        self._n_cases = 0 if decided is None else decided.n_cases
        self._answer = (
            _forest_answer(node, taken, names, decided)
            if isinstance(node, ForestNode)
            else _array_answer(node, [place[name] for name in taken], decided)
        )

    def __call__(self, row: Sequence[float]) -> list[float]:
        """Return the scores of one row.

        Raises
        ------
        DataError
            If the row has another length, or its case is none there is.
        ArtifactError
            If a score is not finite.
        """
        if self._n_cases:
            if len(row) != self._width + 1 or not 0 <= row[-1] < self._n_cases:
                raise DataError(f"a row of {len(row)} number(s); {self._width} and one of {self._n_cases} cases fit.")
        elif len(row) != self._width:
            raise DataError(f"a row of {len(row)} number(s); {self._width} fit.")
        scores = self._answer(row)
        if not isfinite(sum(scores)):
            raise ArtifactError(NOT_FINITE)
        return scores


_Answer = Callable[[Sequence[float]], list[float]]


def _forest_answer(
    node: ForestNode, taken: Sequence[str], names: Sequence[str], decided: DecidedColumns | None
) -> _Answer:
    column = {name: at for at, name in enumerate(taken)}
    cases = None if decided is None else ([column.get(name, -1) for name in decided.names], decided.values)
    sums, link = RowTables(node.forest, [column.get(name, -1) for name in names], cases).sums, node.link
    return lambda row: answer_row(link, sums(row))


def _array_answer(node: Node, places: list[int], decided: DecidedColumns | None) -> _Answer:
    if decided is None:
        return lambda row: node.row(np.array([row[place] for place in places], dtype=np.float64)).tolist()
    cases = decided.values.tolist()

    def answer(row: Sequence[float]) -> list[float]:
        whole = (*row[:-1], *cases[int(row[-1])])
        return node.row(np.array([whole[place] for place in places], dtype=np.float64)).tolist()

    return answer
