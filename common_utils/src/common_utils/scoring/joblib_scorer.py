"""The scorer that opens a pickled Pipeline: the only module of `common_utils` that imports joblib.

No service of `common_utils` imports it; a project's app does, by name, until its model is compiled to plain arrays.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from common_utils.errors import ArtifactError
from common_utils.scoring.scorer import Columns, checked_scores, row_count

__all__ = ["JoblibScorer", "OpenBundle", "ProbabilityModel", "open_model", "save_model"]

_LIBRARY = "scikit-learn"
# What unpickling raises on a file that was hashed but made elsewhere: a missing module, class or attribute.
_UNPICKLING_ERRORS = (
    pickle.UnpicklingError, EOFError, ImportError, AttributeError, KeyError, IndexError, TypeError, ValueError,
)  # fmt: skip


class OpenBundle(Protocol):
    """What is needed of a bundle: verified bytes, and what its writer recorded under `libraries`."""

    @property
    def version(self) -> str:
        """Name of the bundle's version."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """What the writer recorded in the manifest."""
        ...

    def read_bytes(self, name: str) -> bytes:
        """Return the content of a listed file, after its size and hash were checked."""
        ...


class ProbabilityModel(Protocol):
    """A fitted scikit-learn classifier whose first step takes a mapping of columns."""

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels in the order of the probability columns."""
        ...

    def predict_proba(self, X: Any) -> NDArray[Any]:  # scikit-learn's own name for it
        """Return probabilities of shape (n_rows, n_classes)."""
        ...


def open_model(bundle: OpenBundle, file: str = "model.joblib") -> Any:
    """Return the fitted model of a verified bundle, of whatever kind.

    Parameters
    ----------
    bundle : OpenBundle
        From `common_utils.bundle.bundle.open_bundle`.
    file : str
        Name of the pickled model in it.

    Raises
    ------
    ArtifactError
        If the bundle was made with another minor version of scikit-learn, the file fails its hash, or it cannot be
        unpickled. The version is compared before anything is unpickled.
    """
    _check_library(bundle)
    content = bundle.read_bytes(file)
    try:
        return joblib.load(io.BytesIO(content))
    except _UNPICKLING_ERRORS as error:
        raise ArtifactError(
            f"Bundle {bundle.version}: {file} cannot be unpickled ({type(error).__name__}). "
            "Serve it with the code it was trained with, or train it again."
        ) from error


def save_model(model: object, path: Path) -> None:
    """Write a fitted model as a pickle, for notebooks, batch jobs and audits; `open_model` reads it from a bundle."""
    joblib.dump(model, path)


class JoblibScorer:
    """A `Scorer` over a fitted Pipeline.

    Parameters
    ----------
    pipeline : ProbabilityModel
        Fitted; its first step accepts a mapping of column name to 1-D array.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = DummyClassifier().fit([[0], [0], [0], [0]], ["smart", "smart", "smart", "ultra"])
    >>> JoblibScorer(model).score({"minutes": np.array([512.0])}).tolist()
    [[0.75, 0.25]]
    """

    def __init__(self, pipeline: ProbabilityModel) -> None:
        self._pipeline = pipeline
        self._classes = tuple(str(label) for label in pipeline.classes_)
        self._threads = ThreadpoolController()

    @classmethod
    def open(cls, bundle: OpenBundle, file: str = "model.joblib") -> JoblibScorer:
        """Return the scorer of a verified bundle.

        Parameters
        ----------
        bundle : OpenBundle
            From `common_utils.bundle.bundle.open_bundle`.
        file : str
            Name of the pickled Pipeline in it.

        Raises
        ------
        ArtifactError
            If the bundle was made with another minor version of scikit-learn, a listed file fails its hash, or
            what it holds is no fitted classifier. The version is compared before anything is unpickled.
        """
        pipeline = open_model(bundle, file)
        if not (hasattr(pipeline, "classes_") and hasattr(pipeline, "predict_proba")):
            raise ArtifactError(f"Bundle {bundle.version}: {file} holds no fitted classifier; train it again.")
        return cls(pipeline)

    @property
    def model(self) -> ProbabilityModel:
        """The fitted model itself, for what goes beyond scoring rows."""
        return self._pipeline

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the score columns."""
        return self._classes

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Return class probabilities of shape (n_rows, n_classes), computed on one native thread.

        Raises
        ------
        DataError
            If the columns are not 1-D or differ in length.
        ArtifactError
            If the answer has another shape or is not finite.
        """
        n_rows = row_count(columns)
        # NumPy adds up the classes of a lone row in another order than those of a table, and the last bit differs.
        # A record must get the same answer alone and in a batch, so a lone row is scored twice.
        alone = n_rows == 1
        if alone:
            columns = {name: np.repeat(column, 2) for name, column in columns.items()}
        # An OpenMP limit belongs to the calling thread, so it is set at each call. On one row two threads are
        # several times slower than one; a server scales by processes.
        with self._threads.limit(limits=1):
            scores = self._pipeline.predict_proba(columns)
        return checked_scores(scores[:1] if alone else scores, n_rows, len(self._classes))


def _check_library(bundle: OpenBundle) -> None:
    trained = str(bundle.info.get("libraries", {}).get(_LIBRARY, "unknown"))
    installed = installed_version(_LIBRARY)
    if trained.split(".")[:2] != installed.split(".")[:2]:
        raise ArtifactError(
            f"Bundle {bundle.version} was made with {_LIBRARY} {trained}, installed is {installed}. "
            "A pickle is only valid in the minor version that wrote it: install that one or train again."
        )
