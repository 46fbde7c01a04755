"""A tree small enough to follow by hand, and stumps at the edges of what a float holds."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from common_utils.compiled import ColumnEncoder, CompiledModel, InputColumn
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.nodes import ForestNode

EDGES = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1.0, np.nextafter(1.0, 2.0), 1e308, np.inf])
STUMP = st.tuples(st.integers(0, 3), EDGES, st.booleans())


def forest() -> MaskForest:
    """x <= 2: 10; above, y <= 5: 20, else 30; a missing x goes right, a missing y left."""
    return MaskForest.of(
        n_features=2,
        n_outputs=1,
        splits=[(0, 0, 2.0, 0b001, False), (0, 1, 5.0, 0b010, True)],
        leaves=[[[10.0], [20.0], [30.0]]],
    )


def model() -> CompiledModel:
    return CompiledModel(
        ForestNode(forest(), "identity"), ("price",), ("x", "y"), ColumnEncoder([InputColumn("x"), InputColumn("y")])
    )
