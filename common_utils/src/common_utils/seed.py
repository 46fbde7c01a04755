"""One seed for every source of randomness a run may touch."""

from __future__ import annotations

import importlib
import importlib.util
import operator
import os
import random
import sys
from typing import SupportsIndex

from common_utils.errors import ConfigError

__all__ = ["DEFAULT_SEED", "set_seed"]

DEFAULT_SEED = 42
_LARGEST = 2**32 - 1  # the widest range NumPy's global generator and PYTHONHASHSEED both take


def set_seed(seed: SupportsIndex = DEFAULT_SEED) -> int:
    """Seed Python, NumPy and, where it is installed, PyTorch on CPU and CUDA.

    PYTHONHASHSEED is set for the processes this one starts; Python reads it at start-up only, so string
    hashes of the running process stay as they are. Our own code draws from generators passed in as `rng`;
    this call is for the libraries that fall back on global state.

    Parameters
    ----------
    seed : int
        Whole number in 0..2**32-1; booleans are refused, because `true` in a config is a slip.

    Returns
    -------
    int
        The seed, so that it can be logged and handed on.

    Raises
    ------
    ConfigError
        If `seed` is not a whole number or outside the range.

    Examples
    --------
    >>> set_seed(7)
    7
    >>> first = random.random()
    >>> _ = set_seed(7)
    >>> random.random() == first
    True
    """
    value = _checked(seed)
    os.environ["PYTHONHASHSEED"] = str(value)
    random.seed(value)

    import numpy as np

    np.random.seed(value)
    _seed_torch(value)
    return value


def _checked(seed: SupportsIndex) -> int:
    try:
        value = operator.index(seed)
    except TypeError:
        value = -1
    if isinstance(seed, bool) or not 0 <= value <= _LARGEST:
        raise ConfigError(f"seed: a whole number from 0 to {_LARGEST} is needed, not {seed!r}.")
    return value


def _seed_torch(seed: int) -> None:
    if sys.modules.get("torch") is None and importlib.util.find_spec("torch") is None:
        return
    torch = importlib.import_module("torch")
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
