"""What a forecast makes of each plan's bill, for the moments and months a campaign is learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.outlook import History, UsageForecast, bill_outlook

__all__ = ["Foresight"]

_AT_ONCE = 2_000  # subscribers rated at once; times scenarios and plans, these are the largest arrays


@dataclass(frozen=True, slots=True)
class Foresight:
    """A forecast, and the months it looks back over: what an answer of a bundle will know of the bills to come.

    Attributes
    ----------
    forecast : UsageForecast
    history_months : int
        >= 1.
    """

    forecast: UsageForecast
    history_months: int

    def bills(self, history: History, catalogue: Catalogue) -> FloatArray:
        """Return the mean bill that is expected on each plan.

        Parameters
        ----------
        history : History
            n rows of `history_months`.
        catalogue : Catalogue

        Returns
        -------
        float64 array of shape (n, n_plans)
            In currency.

        Examples
        --------
        >>> from planrec.outlook import SERVICES, fit_usage_forecast, history_of
        >>> past = history_of({f"{s}_1": np.full(200, 100.0) for s in SERVICES}, 1)
        >>> ahead = Usage.of(*(np.full((200, 1), 100.0) for _ in SERVICES))
        >>> forecast = fit_usage_forecast(past, ahead, np.ones((200, 1), dtype=bool))
        >>> Foresight(forecast, 1).bills(past, megaline)[0].round(2).tolist()  # surf: 50 messages beyond, 3 cents each
        [21.5, 70.0]
        """
        parts = [np.empty((0, len(catalogue.plans)))]
        for start in range(0, len(history.known), _AT_ONCE):
            rows, u = slice(start, start + _AT_ONCE), history.usage
            usage = Usage(u.minutes[rows], u.messages[rows], u.megabytes[rows])
            basis = self.forecast.scenarios(History(usage, history.known[rows]))
            parts.append(bill_outlook(bill_totals(basis.usage, catalogue), basis.known).mean_cents / 100)
        return np.concatenate(parts)
