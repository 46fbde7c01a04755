"""What every project shares; importing it stays light (no NumPy, pandas, scikit-learn or pydantic)."""

from __future__ import annotations

from common_utils.logger import setup_logging
from common_utils.seed import DEFAULT_SEED, set_seed

__all__ = ["DEFAULT_SEED", "__version__", "set_seed", "setup_logging"]
__version__ = "0.1.0"
