"""Is the data sane enough to learn from: each month of a training table against the months before it.

Monitoring looks at the last month. A table is exported anew for every training, so an older month may have slipped
since: the panels of monitoring are asked of every month.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from common_utils.errors import DataError
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.quality.own_median import check_own_median
from planrec.columns import MONTH, SUBSCRIBER, USAGE

__all__ = ["check_months"]

_MOST_TOLD = 3


def check_months(months: pd.DataFrame, accepted: tuple[str, ...] = ()) -> None:
    """Refuse usage months of which one differs from its subscribers' own past as no month of usage does.

    Parameters
    ----------
    months : DataFrame
        Usage months.
    accepted : tuple of str
        Months that somebody has looked at and takes as they are.

    Raises
    ------
    DataError
        Naming the services and months.
    """
    periods = sorted(months[MONTH].unique())
    alarms: list[Finding] = []
    for service in USAGE:
        wide = months.pivot_table(index=SUBSCRIBER, columns=MONTH, values=service, aggfunc="first", observed=True)
        values = wide.reindex(columns=periods).to_numpy(dtype=np.float64)
        for end in range(1, len(periods) + 1):
            found = check_own_median(values[:, :end], feature=service, periods=periods[:end])
            alarms += [one for one in found if one.level == "alarm" and periods[end - 1] not in accepted]
    if alarms:
        told = " ".join(f"{one.since}: {one.sentence}" for one in alarms[:_MOST_TOLD])
        raise DataError(f"usage months: {told}")
