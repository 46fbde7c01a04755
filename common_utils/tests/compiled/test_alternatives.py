"""Choice weights as arrays: kept by a bundle, refused where damaged, one row with the bits of many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.bundle import write_bundle
from common_utils.compiled import CompiledChoice
from common_utils.errors import ArtifactError, DataError


def test_choice_weights_survive_the_bundle_and_other_features_are_refused(tmp_path: Path) -> None:
    choice = CompiledChoice(("bill", "is_current"), np.array([-0.5, 2.0]))
    bundle = write_bundle(tmp_path, info={}, write=choice.save)
    again = CompiledChoice.open(bundle, ("bill", "is_current"))
    assert again.weights.tolist() == [-0.5, 2.0]
    with pytest.raises(ArtifactError, match=r"trained on \['bill', 'is_current'\], asked for \['is_current'\]"):
        CompiledChoice.open(bundle, ("is_current",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"format": 9, "weights": {}}', "does not describe a choice", id="format"),
        pytest.param('{"format": 1, "weights": {"bill": "x"}}', "a weight is not a number", id="text"),
        pytest.param('{"format": 1, "weights": {"bill": 1e999}}', "one finite weight", id="infinite"),
    ],
)
def test_damaged_choice_weights_are_refused(tmp_path: Path, text: str, message: str) -> None:
    bundle = write_bundle(
        tmp_path, info={}, write=lambda folder: folder.joinpath("choice.json").write_text(text) and None
    )
    with pytest.raises(ArtifactError, match=message):
        CompiledChoice.open(bundle, ("bill",))


def test_a_choice_refuses_shapes_and_empty_choice_sets() -> None:
    choice = CompiledChoice(("bill",), np.array([1.0]))
    with pytest.raises(DataError, match="1 weights"):
        choice.probabilities(np.zeros((1, 2, 3)), np.ones((1, 2), dtype=bool))
    with pytest.raises(DataError, match="no alternative that is available"):
        choice.probabilities(np.zeros((1, 2, 1)), np.zeros((1, 2), dtype=bool))


def test_a_choice_gives_one_row_the_bits_of_many() -> None:
    rng = np.random.default_rng(0)
    choice = CompiledChoice(tuple("abcdefgh"), rng.normal(size=8))
    features, available = rng.normal(size=(40, 13, 8)), rng.random((40, 13)) < 0.7
    available[:, 0] = True
    many = choice.probabilities(features, available)
    for i in range(40):
        assert choice.probabilities(features[i : i + 1], available[i : i + 1]).tobytes() == many[i].tobytes()
    np.testing.assert_allclose(many.sum(axis=1), 1.0, rtol=0, atol=1e-12)
