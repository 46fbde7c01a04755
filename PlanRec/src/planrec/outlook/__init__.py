"""What bills to expect: recorded months, the usage forecast, the questionnaire."""

from __future__ import annotations

from planrec.outlook.forecast import UsageForecast, fit_usage_forecast
from planrec.outlook.history import (
    SERVICES,
    History,
    Outlook,
    bill_outlook,
    bill_sums,
    history_of,
    mean_bills,
    saving_outlook,
    share_above,
)
from planrec.outlook.questionnaire import Questionnaire, filled_in, said_usage

__all__ = [
    "SERVICES",
    "History",
    "Outlook",
    "Questionnaire",
    "UsageForecast",
    "bill_outlook",
    "bill_sums",
    "filled_in",
    "fit_usage_forecast",
    "history_of",
    "mean_bills",
    "said_usage",
    "saving_outlook",
    "share_above",
]
