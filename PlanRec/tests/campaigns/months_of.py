"""Made-up months of subscribers for the tests of what an offer does to leaving."""

from __future__ import annotations

import numpy as np

from planrec.campaigns.exposure import Exposure

MONTHS = 6
ALONE, ACCEPTED, REMINDED = 0.05, 0.02, 0.3


def months_of(n: int, seed: int = 0) -> Exposure:
    """Six months of n holders of Megaline's first plan; who overpays 20 and is reminded leaves six times as often.

    Half are contacted, for all months; half of those who do not overpay accept.
    """
    rng = np.random.default_rng(seed)
    overpaid, contacted = rng.choice([0.0, 20.0], n), rng.random(n) < 0.5
    accepted = contacted & (overpaid == 0) & (rng.random(n) < 0.5)
    chance = np.select([accepted, contacted & (overpaid > 0)], [ACCEPTED, REMINDED], ALONE)
    left = rng.random((n, MONTHS)) < chance[:, None]
    there = np.cumsum(left, axis=1) - left == 0
    who, month = np.nonzero(there)
    k = len(who)
    return Exposure(
        subscribers=who.astype(str).astype(object),
        month=month,
        held=np.zeros(k, dtype=np.int64),
        overpaid=np.column_stack([overpaid[who], np.zeros(k)]),
        feared=np.column_stack([overpaid[who], np.zeros(k)]),
        rise=np.zeros((k, 2)),
        open=np.ones((k, 2), dtype=np.bool_),
        tenure_years=rng.random(k),
        binds=np.zeros(k, dtype=np.bool_),
        contacted=contacted[who],
        accepted=accepted[who],
        left=left[who, month],
    )
