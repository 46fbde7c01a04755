"""Names of things, such as car models, that a table spells in several ways: case, blanks and hyphens do not count.

NumPy alone, since a service compares names as training did.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray

__all__ = ["folded", "in_one_spelling", "learn_names", "name_codes", "one_spelling"]

_BETWEEN = re.compile(r"[\s_\u002d\u2010-\u2015\u2212]+")


def folded(name: str) -> str:
    """Return a name in lower case, with one blank for blanks and hyphens: what two spellings of one thing share.

    Examples
    --------
    >>> folded(" FORD  F-150"), folded("ford f 150")
    ('ford f 150', 'ford f 150')
    """
    return _BETWEEN.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()


def one_spelling(names: NDArray[Any]) -> NDArray[np.object_]:
    """Return names with each thing in its most frequent spelling; of two as frequent, the first by alphabet.

    Parameters
    ----------
    names : array of str of shape (n,)
        A value that is not text is left as it is.

    Examples
    --------
    >>> one_spelling(np.array(["ford f-150", "FORD F-150", "ford f-150", None], dtype=object)).tolist()
    ['ford f-150', 'ford f-150', 'ford f-150', None]
    """
    counts = Counter(name for name in names.tolist() if isinstance(name, str))
    best: dict[str, str] = {}
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(folded(name), name)
    spelled = {name: best[folded(name)] for name in counts}
    return np.array([spelled.get(name, name) if isinstance(name, str) else name for name in names], dtype=object)


def in_one_spelling(columns: Mapping[str, NDArray[Any]], names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return columns with those that hold names of things in one spelling; the others are the same arrays.

    Examples
    --------
    >>> in_one_spelling({"model": np.array(["VW Golf", None], dtype=object)}, ["model"])["model"].tolist()
    ['vw golf', None]
    """
    spelled = dict(columns)
    for name in names:
        if name in columns:
            values = columns[name].tolist()
            known = {value: folded(value) for value in set(values) if isinstance(value, str)}
            spelled[name] = np.array([known.get(value, value) for value in values], dtype=object)
    return spelled


def learn_names(names: NDArray[Any], fewest: int) -> tuple[str, ...]:
    """Return the names that a table holds often enough to learn from, by alphabet, each in its most frequent spelling.

    Parameters
    ----------
    names : array of str of shape (n,)
    fewest : int
        Rows a name needs.

    Examples
    --------
    >>> learn_names(np.array(["vw golf", "VW Golf", "vw golf", "tatra 603"], dtype=object), fewest=2)
    ('vw golf',)
    """
    counts = Counter(name for name in one_spelling(names).tolist() if isinstance(name, str))
    return tuple(sorted(name for name, count in counts.items() if count >= fewest))


def name_codes(names: NDArray[Any], known: Sequence[str]) -> FloatArray:
    """Return the place of each name among those that are known; NaN for any other.

    A spelling without blank or hyphen, as `f150`, means the one name that is so without its own, if only one is.

    Parameters
    ----------
    names : array of shape (n,)
    known : sequence of str

    Examples
    --------
    >>> name_codes(np.array(["FORD F-150", "ford f150", "tatra"], dtype=object), ["bmw x5", "ford f-150"]).tolist()
    [1.0, 1.0, nan]
    """
    places = _places(tuple(known))
    found: dict[object, float] = {}
    for name in set(names.tolist()):
        spelled = folded(name) if isinstance(name, str) else ""
        found[name] = places.get(spelled, places.get(spelled.replace(" ", ""), np.nan))
    return np.array([found[name] for name in names.tolist()], dtype=np.float64)


@lru_cache(maxsize=64)
def _places(known: tuple[str, ...]) -> dict[str, float]:
    close: defaultdict[str, set[int]] = defaultdict(set)
    for place, name in enumerate(known):
        close[folded(name).replace(" ", "")].add(place)
    places = {name: float(min(found)) for name, found in close.items() if len(found) == 1}
    return places | {folded(name): float(place) for place, name in enumerate(known)}
