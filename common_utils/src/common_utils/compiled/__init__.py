"""A fitted model as plain arrays: exact, fast, no pickle.

Training compiles (`export.pipeline.compile_pipeline`), proves (`parity.parity_gate`) and saves; a service opens
(`CompiledScorer.open`). Importing this package, or opening a scorer, needs NumPy alone.
"""

from common_utils.compiled.alternatives import CompiledChoice, softmax_within
from common_utils.compiled.encoding import ColumnEncoder, InputColumn
from common_utils.compiled.model import CompiledModel, CompiledScorer, FeatureStep
from common_utils.compiled.store import ARRAYS_FILE, META_FILE

__all__ = [
    "ARRAYS_FILE",
    "META_FILE",
    "ColumnEncoder",
    "CompiledChoice",
    "CompiledModel",
    "CompiledScorer",
    "FeatureStep",
    "InputColumn",
    "softmax_within",
]
