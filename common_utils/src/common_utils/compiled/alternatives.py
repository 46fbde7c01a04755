"""A choice among alternatives as plain arrays: utilities linear in features, softmax over what is available.

A conditional logit (McFadden, 1974) compiles to one weight a feature; the alternatives may change after training.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled.model import Files
from common_utils.compiled.store import read_meta, written_meta
from common_utils.errors import ArtifactError, DataError

__all__ = ["ALTERNATIVES_FILE", "CompiledChoice", "softmax_within"]

ALTERNATIVES_FILE = "choice.json"
FORMAT = 1


def softmax_within(utility: FloatArray, available: NDArray[np.bool_]) -> FloatArray:
    """Return probabilities that are 0 where not available and add up to 1 in each row.

    Parameters
    ----------
    utility : float64 array of shape (n, k)
    available : bool array of shape (n, k)
        At least one in each row.

    Examples
    --------
    >>> softmax_within(np.array([[0.0, 0.0, 9.0]]), np.array([[True, True, False]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    within = np.where(available, utility, -np.inf)
    above = within - within.max(axis=1, keepdims=True)
    return np.exp(above - np.log(np.exp(above).sum(axis=1, keepdims=True)))


@dataclass(frozen=True)
class CompiledChoice:
    """Weights of a conditional logit.

    Attributes
    ----------
    feature_names : tuple of str
        Features of an alternative, in order.
    weights : float64 array of shape (n_features,)
        Utility per unit of each; finite.

    Examples
    --------
    >>> choice = CompiledChoice(("saving",), np.array([np.log(3.0)]))
    >>> features = np.array([[[0.0], [1.0], [9.0]]])
    >>> choice.probabilities(features, np.array([[True, True, False]])).round(6).tolist()
    [[0.25, 0.75, 0.0]]
    """

    feature_names: tuple[str, ...]
    weights: FloatArray

    def __post_init__(self) -> None:
        if self.weights.shape != (len(self.feature_names),) or not np.isfinite(self.weights).all():
            raise ArtifactError("choice: one finite weight is needed for each feature; train and compile it again.")

    def probabilities(self, features: FloatArray, available: NDArray[np.bool_]) -> FloatArray:
        """Return the probability of each alternative.

        Parameters
        ----------
        features : float64 array of shape (n, n_alternatives, n_features)
        available : bool array of shape (n, n_alternatives)

        Returns
        -------
        float64 array of shape (n, n_alternatives)
            0 where not available; rows add up to 1.

        Raises
        ------
        DataError
            If the shapes do not fit, or a row has nothing to choose from.
        """
        if features.shape != (*available.shape, len(self.weights)):
            raise DataError(
                f"choice: features of shape {features.shape} for {available.shape} alternatives and "
                f"{len(self.weights)} weights; give them in the order of `feature_names`."
            )
        if not available.any(axis=1).all():
            raise DataError("choice: a row has no alternative that is available; leave it out.")
        return softmax_within(self.utilities(features), available)

    def utilities(self, features: FloatArray) -> FloatArray:
        """Return the utility of each alternative, available or not.

        Parameters
        ----------
        features : float64 array of shape (n, n_alternatives, n_features)

        Returns
        -------
        float64 array of shape (n, n_alternatives)
            One row has the bits of many: the product is taken row by row.
        """
        return features @ self.weights

    def save(self, folder: Path) -> None:
        """Write `choice.json` into a folder."""
        meta = {"format": FORMAT, "weights": dict(zip(self.feature_names, self.weights.tolist(), strict=True))}
        (folder / ALTERNATIVES_FILE).write_bytes(written_meta(meta))

    @classmethod
    def open(cls, bundle: Files, feature_names: tuple[str, ...]) -> CompiledChoice:
        """Return the weights of a verified bundle.

        Parameters
        ----------
        bundle : Files
        feature_names : tuple of str
            What the caller will give, in order.

        Raises
        ------
        ArtifactError
            If the bundle has none, or was trained on other features.
        """
        meta = read_meta(bundle.read_bytes(ALTERNATIVES_FILE))
        weights = meta.get("weights")
        if meta.get("format") != FORMAT or not isinstance(weights, dict):
            raise ArtifactError(f"choice: {ALTERNATIVES_FILE} does not describe a choice; train and compile it again.")
        if tuple(weights) != feature_names:
            raise ArtifactError(
                f"choice: trained on {list(weights)[:5]}, asked for {list(feature_names)[:5]}; "
                "serve it with the code it was trained with, or train again."
            )
        try:
            return cls(feature_names, np.array([float(value) for value in weights.values()]))
        except (TypeError, ValueError) as error:
            raise ArtifactError("choice: a weight is no number; train and compile it again.") from error
