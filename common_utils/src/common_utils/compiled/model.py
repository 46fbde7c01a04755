"""A compiled model and the scorer a service opens: NumPy only, no pickle, no scikit-learn, no pandas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled.calibration import CalibratedNode
from common_utils.compiled.encoding import ColumnEncoder, InputColumn
from common_utils.compiled.nodes import ForestNode, LinearNode, MeanNode, Node, PreparedNode, StackNode
from common_utils.compiled.store import (
    ARRAYS_FILE,
    META_FILE,
    ArrayStore,
    read_arrays,
    read_meta,
    written_arrays,
    written_meta,
)
from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import Columns, checked_scores

__all__ = ["CompiledModel", "CompiledScorer", "FeatureStep", "Files"]

FORMAT = 1


class Files(Protocol):
    """What is needed of a bundle: verified bytes by file name."""

    def read_bytes(self, name: str) -> bytes:
        """Return the content of a listed file, after its size and hash were checked."""
        ...


@runtime_checkable
class FeatureStep(Protocol):
    """A project's own feature formulas: code, so it is passed when a scorer is opened and never read from a file.

    Attributes
    ----------
    fingerprint : str
        Says which formulas these are and on what they were set up (a rate card, a number of months). It is stored
        with the compiled model, and a scorer is not opened with another one.
    feature_names : tuple of str
        Names of the columns of the matrix, or of the columns it gives.
    """

    @property
    def fingerprint(self) -> str:
        """Which formulas, set up on what."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of what it makes."""
        ...

    def __call__(self, columns: Columns) -> FloatArray | Columns:
        """Return a matrix of shape (n, n_features), or columns where encoders follow, for named columns."""
        ...


@dataclass(frozen=True)
class CompiledModel:
    """A fitted model as plain arrays.

    Attributes
    ----------
    node : Node
        What is computed from the features.
    outputs : tuple of str
        Class labels, or names of the numbers a regressor answers.
    feature_names : tuple of str
        Columns of the matrix that `node` takes.
    encoder : ColumnEncoder or None
        How named columns become the matrix; None where a project's own `FeatureStep` makes it.
    fingerprint : str or None
        That of the `FeatureStep` it was trained with.

    Examples
    --------
    >>> node = LinearNode(np.array([[2.0]]), np.array([1.0]), "identity")
    >>> model = CompiledModel(node, ("price",), ("age",), ColumnEncoder([InputColumn("age")]))
    >>> again = CompiledModel.read(*model.files())
    >>> CompiledScorer(again).score({"age": np.array([3.0, 4.0])}).tolist()
    [[7.0], [9.0]]
    """

    node: Node
    outputs: tuple[str, ...]
    feature_names: tuple[str, ...]
    encoder: ColumnEncoder | None = None
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if len(self.outputs) != self.node.n_outputs or (
            self.encoder is not None and self.encoder.n_features != len(self.feature_names)
        ):
            raise ArtifactError("scorer: outputs, features and model do not belong together; compile it again.")
        _check_width(self.node, len(self.feature_names))

    def split_points(self) -> dict[int, FloatArray]:
        """Return the sorted distinct thresholds of all forests, by feature: where exactness is put to the test."""
        found: dict[int, list[FloatArray]] = {}
        for node in _all_nodes(self.node):
            if isinstance(node, ForestNode):
                for feature, points in node.forest.split_points().items():
                    found.setdefault(feature, []).append(points)
        return {feature: np.unique(np.concatenate(points)) for feature, points in sorted(found.items())}

    def files(self) -> tuple[bytes, bytes]:
        """Return the bytes of `scorer.npz` and `scorer.json`; equal models give equal bytes."""
        store = ArrayStore()
        meta = {
            "format": FORMAT,
            "outputs": list(self.outputs),
            "feature_names": list(self.feature_names),
            "columns": None if self.encoder is None else [column.dump() for column in self.encoder.columns],
            "fingerprint": self.fingerprint,
            "model": self.node.dump(store),
        }
        return written_arrays(store.arrays), written_meta(meta)

    def save(self, folder: Path) -> None:
        """Write `scorer.npz` and `scorer.json` into a folder."""
        arrays, meta = self.files()
        (folder / ARRAYS_FILE).write_bytes(arrays)
        (folder / META_FILE).write_bytes(meta)

    @classmethod
    def read(cls, arrays: bytes, meta: bytes) -> CompiledModel:
        """Return the model of the two files.

        Raises
        ------
        ArtifactError
            If they are damaged, of another format, or do not belong together.
        """
        spec = read_meta(meta)
        if spec.get("format") != FORMAT:
            raise ArtifactError(f"scorer: format {spec.get('format')!r}, {FORMAT} is read; compile the model again.")
        store = ArrayStore(read_arrays(arrays))
        try:
            columns = spec["columns"]
            return cls(
                node=_loaded(spec["model"], store),
                outputs=tuple(map(str, spec["outputs"])),
                feature_names=tuple(map(str, spec["feature_names"])),
                encoder=None if columns is None else ColumnEncoder([InputColumn.load(column) for column in columns]),
                fingerprint=spec["fingerprint"],
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ArtifactError(
                f"scorer: {META_FILE} does not describe a model ({type(error).__name__}); compile it again."
            ) from error

    @classmethod
    def open(cls, bundle: Files) -> CompiledModel:
        """Return the model of a verified bundle.

        Raises
        ------
        ArtifactError
            If the bundle has none, or as `read`.
        """
        return cls.read(bundle.read_bytes(ARRAYS_FILE), bundle.read_bytes(META_FILE))


class CompiledScorer:
    """A `scoring.scorer.Scorer` over a compiled model.

    Parameters
    ----------
    model : CompiledModel
    features : FeatureStep, optional
        The project's own formulas, where the model was trained behind them. It may make more columns than the
        model takes; they are chosen by name.

    Raises
    ------
    ArtifactError
        If the formulas are not the ones the model was trained with.
    """

    def __init__(self, model: CompiledModel, features: FeatureStep | None = None) -> None:
        self.model = model
        self._features = features
        self._chosen: NDArray[np.intp] | None = None
        if features is not None:
            self._chosen = _chosen(model, features)
        elif model.encoder is None or model.fingerprint is not None:
            raise ArtifactError(
                "scorer: the model was trained behind a project's own formulas; open it with `features=`."
            )

    @classmethod
    def open(cls, bundle: Files, features: FeatureStep | None = None) -> CompiledScorer:
        """Return the scorer of a verified bundle.

        Raises
        ------
        ArtifactError
            As `CompiledModel.open` and the class.
        """
        return cls(CompiledModel.open(bundle), features)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scores: class labels, or what a regressor answers."""
        return self.model.outputs

    def score(self, columns: Columns) -> FloatArray:
        """Return scores of shape (n_rows, n_outputs) for named columns.

        Raises
        ------
        DataError
            If a column is missing, of another shape, or holds what cannot be scored.
        ArtifactError
            If a score is not finite.
        """
        return self.score_matrix(self._matrix(columns))

    def score_matrix(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs) for features of shape (n, len(model.feature_names)).

        Raises
        ------
        DataError
            If the matrix has another width.
        ArtifactError
            If a score is not finite.
        """
        width = len(self.model.feature_names)
        if X.ndim != 2 or X.shape[1] != width:
            raise DataError(f"features of shape {X.shape}; the model takes (n, {width}).")
        scores = self.model.node.row(X[0])[None, :] if len(X) == 1 else self.model.node.rows(X)
        return checked_scores(scores, len(X), len(self.model.outputs))

    def score_one(self, record: Mapping[str, object]) -> FloatArray:
        """Return the scores of one record, shape (n_outputs,): the quick way, and the same bits as in a batch.

        Parameters
        ----------
        record : mapping of str to number, str, bool or None
            Every column the model takes.

        Raises
        ------
        DataError
            As `score`; and if the model was trained behind a project's own formulas, which take columns.
        ArtifactError
            If a score is not finite.
        """
        if self.model.encoder is None or self._features is not None:
            raise DataError("scorer: this model takes columns; use `score` with arrays of length 1.")
        return self._finite(self.model.node.row(self.model.encoder.row(record)))

    def _finite(self, scores: FloatArray) -> FloatArray:
        if not np.isfinite(scores).all():
            raise ArtifactError("The model answered a score that is not finite; check its data and train it again.")
        return scores

    def _matrix(self, columns: Columns) -> FloatArray:
        made = columns if self._features is None else self._features(columns)
        if isinstance(made, np.ndarray) and self.model.encoder is None:
            return made[:, self._chosen]
        if isinstance(made, np.ndarray) or self.model.encoder is None:
            raise ArtifactError("scorer: the formulas and the model's encoders do not fit; train and compile again.")
        return self.model.encoder.rows(made)


def _chosen(model: CompiledModel, features: FeatureStep) -> NDArray[np.intp]:
    if model.fingerprint != features.fingerprint:
        raise ArtifactError(
            f"scorer: trained with the formulas {model.fingerprint!r}, opened with {features.fingerprint!r}; "
            "serve it with the code and settings it was trained with, or train again."
        )
    place = {name: i for i, name in enumerate(features.feature_names)}
    taken = model.feature_names if model.encoder is None else [column.name for column in model.encoder.columns]
    if strange := [name for name in taken if name not in place]:
        raise ArtifactError(f"scorer: the formulas make no {strange[:5]}; train again.")
    return np.array([place[name] for name in taken], dtype=np.intp)


def _loaded(spec: Mapping[str, Any], store: ArrayStore) -> Node:
    children = tuple(_loaded(child, store) for child in spec.get("children", ()))
    kind = spec["node"]
    if kind not in _LOADERS:
        raise ArtifactError(f"scorer: unknown part {kind!r}; known are {sorted(_LOADERS)}. Compile it again.")
    return _LOADERS[kind](spec, store, children)


def _loaded_mean(spec: Mapping[str, Any], _: ArrayStore, children: Sequence[Node]) -> Node:
    weights = [float(weight) for weight in spec["weights"]]
    if len({child.n_outputs for child in children}) != 1 or len(weights) != len(children) or not sum(weights) > 0:
        raise ArtifactError("scorer: the members of a mean do not belong together; compile it again.")
    return MeanNode(children, weights)


def _loaded_prepared(spec: Mapping[str, Any], store: ArrayStore, children: Sequence[Node]) -> Node:
    return PreparedNode(children, *(store.get(spec[name], "f", 1) for name in ("fill", "shift", "scale")))


_LOADERS: dict[str, Callable[[Mapping[str, Any], ArrayStore, Sequence[Node]], Node]] = {
    "forest": lambda spec, store, _: ForestNode.load(spec, store),
    "linear": lambda spec, store, _: LinearNode.load(spec, store),
    "mean": _loaded_mean,
    "stack": lambda _spec, _store, children: StackNode(children),
    "prepared": _loaded_prepared,
    "calibrated": CalibratedNode.load,
}


def _all_nodes(node: Node) -> list[Node]:
    return [node, *(below for child in node.children for below in _all_nodes(child))]


def _check_width(node: Node, n_features: int) -> None:
    for part in _all_nodes(node):
        width = n_features
        match part:
            case ForestNode():
                width = part.forest.n_features
            case LinearNode():
                width = part.weights.shape[1]
            case PreparedNode():
                width = len(part.fill)
            case _:
                pass
        if width != n_features:
            raise ArtifactError("scorer: a part of the model takes another number of features; compile it again.")
