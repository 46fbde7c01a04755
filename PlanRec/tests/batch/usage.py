"""Usage months of made-up subscribers: one to six months each, the last month for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planrec.months import month_text


def usage_months(
    rng: np.random.Generator, subscribers: int, plans: Sequence[str | None], last_month: int
) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return the table, one plan of `plans` for each subscriber, and the number of the subscriber of each row."""
    count = rng.integers(1, 7, subscribers)
    who = np.repeat(np.arange(subscribers), count)
    lag = np.concatenate([np.arange(n)[::-1] for n in count])
    rows, names = len(who), np.array(plans, dtype=object)
    table = pd.DataFrame(
        {
            "subscriber_id": [f"s{n:05d}" for n in who],
            "month": [month_text(last_month - int(k)) for k in lag],
            "minutes": np.rint(rng.gamma(2, 200, rows)),
            "messages": rng.poisson(30, rows).astype(np.float64),
            "megabytes": np.round(rng.gamma(2, 6000, rows), 2),
            "current_plan": names[rng.integers(0, len(names), subscribers)[who]],
        }
    )
    return table, who
