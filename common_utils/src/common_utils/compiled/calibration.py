"""Calibration after a model: Platt's sigmoid, isotonic steps or a temperature, as scikit-learn applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.compiled.links import answer_rows
from common_utils.compiled.nodes import Node
from common_utils.compiled.store import ArrayStore
from common_utils.errors import ArtifactError

__all__ = ["CalibratedNode", "Method", "Response"]

Method = Literal["sigmoid", "isotonic", "temperature"]
Response = Literal["decision", "probability"]
"""What the calibrator was fitted on: raw margins, or the probabilities of the model."""

_LOG_OFFSET = 1e-12  # scikit-learn's, before the logarithm of a probability
_BARELY_ABOVE_ONE = 1e-5


@dataclass(frozen=True)
class CalibratedNode:
    """A classifier with one calibrator a class; with two classes one for the second.

    Attributes
    ----------
    children : sequence of one Node
        Answers margins (1 for two classes) or probabilities, as `response` says.
    method : {"sigmoid", "isotonic", "temperature"}
    response : {"decision", "probability"}
    n_outputs : int
        Classes, >= 2.
    parameters : sequence of float64 array of shape (2, m)
        Per calibrator: sigmoid slope and offset as (2, 1); isotonic thresholds and values; temperature one array
        whose first number is the inverse temperature.

    References
    ----------
    scikit-learn, `sklearn/calibration.py`, `predict_proba` of `_CalibratedClassifier`.

    Examples
    --------
    >>> from common_utils.compiled.nodes import LinearNode
    >>> margin = LinearNode(np.array([[1.0]]), np.array([0.0]), "identity")
    >>> node = CalibratedNode((margin,), "sigmoid", "decision", 2, (np.array([[-1.0], [0.0]]),))
    >>> node.row(np.array([0.0])).tolist()
    [0.5, 0.5]
    """

    children: Sequence[Node]
    method: Method
    response: Response
    n_outputs: int
    parameters: Sequence[FloatArray]

    def rows(self, X: FloatArray) -> FloatArray:
        """Return probabilities of shape (n, n_outputs)."""
        return self._calibrated(self.children[0].rows(X))

    def row(self, x: FloatArray) -> FloatArray:
        """Return probabilities of shape (n_outputs,)."""
        return self._calibrated(self.children[0].row(x)[None, :])[0]

    def _calibrated(self, answers: FloatArray) -> FloatArray:
        if self.method == "temperature":
            p = self._tempered(answers)
        elif self.n_outputs == 2:
            taken = self._calibrate(answers[:, -1], self.parameters[0])
            p = np.stack([1.0 - taken, taken], axis=1)
        else:
            p = self._normalised(answers)
        p[(p > 1.0) & (p <= 1.0 + _BARELY_ABOVE_ONE)] = 1.0
        return p

    def _tempered(self, answers: FloatArray) -> FloatArray:
        if self.response == "probability":
            logits = np.log(answers + _LOG_OFFSET)
        else:
            logits = np.hstack([-answers, answers]) if self.n_outputs == 2 else answers
        return answer_rows("softmax", self.parameters[0][0, 0] * logits)

    def _normalised(self, answers: FloatArray) -> FloatArray:
        each = [self._calibrate(answers[:, k], parameter) for k, parameter in enumerate(self.parameters)]
        total = each[0].copy()
        for p in each[1:]:
            total += p
        # Where every calibrator says 0, no class is preferred.
        return np.stack([np.where(total != 0, p / np.where(total != 0, total, 1.0), 1 / len(each)) for p in each], 1)

    def _calibrate(self, answers: FloatArray, parameter: FloatArray) -> FloatArray:
        if self.method == "sigmoid":
            return answer_rows("sigmoid", -(parameter[0, 0] * answers + parameter[1, 0]))
        return np.interp(answers, parameter[0], parameter[1])

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        return {
            "node": "calibrated",
            "method": self.method,
            "response": self.response,
            "n_outputs": self.n_outputs,
            "parameters": [store.put(parameter) for parameter in self.parameters],
            "children": [child.dump(store) for child in self.children],
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], store: ArrayStore, children: Sequence[Node]) -> CalibratedNode:
        """Return the part that `dump` described."""
        parameters = [store.get(key, "f", 2) for key in spec["parameters"]]
        n_outputs = int(spec["n_outputs"])
        expected = 1 if spec["method"] == "temperature" or n_outputs == 2 else n_outputs
        answers = 1 if spec["response"] == "decision" and n_outputs == 2 else n_outputs
        if not (
            [child.n_outputs for child in children] == [answers]
            and n_outputs >= 2
            and spec["method"] in get_args(Method)
            and spec["response"] in get_args(Response)
            and len(parameters) == expected
            and all(p.shape[0] == 2 and p.shape[1] >= 1 for p in parameters)
        ):
            raise ArtifactError("scorer: the calibration does not hold together; train and compile it again.")
        method, response = cast("Method", spec["method"]), cast("Response", spec["response"])
        return cls(children, method, response, n_outputs, parameters)
