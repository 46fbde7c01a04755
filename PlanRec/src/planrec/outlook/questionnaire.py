"""A short questionnaire for subscribers without a usage month: closed answers become one estimated month.

People say a tenth more than they use (`OVERESTIMATION`), and what they say is off by a third to a half.
The doubt goes to the forecast as a further standard deviation of the logarithm, so that the bills of a said month
spread wider than those of a recorded one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from planrec.billing import MAX_USAGE, Usage
from planrec.outlook.history import SERVICES, History

__all__ = [
    "DOUBT_OF_AMOUNTS",
    "DOUBT_OF_WORDS",
    "DOUBT_WITHOUT_ANSWER",
    "TYPICAL",
    "Calls",
    "DataHabit",
    "Messages",
    "Questionnaire",
    "SaidUsage",
    "filled_in",
    "said_amounts",
    "said_usage",
]


Calls = Literal["hardly", "some", "daily", "often", "constantly"]
Messages = Literal["none", "few", "daily", "many"]
DataHabit = Literal["wifi", "chat", "social", "music", "video", "everything"]

# Units a month. Steps of a factor of two to three over what the segments of configs/simulator.yaml use (80 to 750
# minutes, 12 to 90 messages, 1.4 to 36 GB): a habit is worth no finer scale. An operator with records puts the medians
# of its own subscribers here.
TYPICAL: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "minutes": MappingProxyType(
            {"hardly": 30.0, "some": 100.0, "daily": 250.0, "often": 550.0, "constantly": 1100.0}
        ),
        "messages": MappingProxyType({"none": 0.0, "few": 10.0, "daily": 40.0, "many": 120.0}),
        "megabytes": MappingProxyType(
            {
                "wifi": 500.0,
                "chat": 1500.0,
                "social": 4000.0,
                "music": 9000.0,
                "video": 20000.0,
                "everything": 45000.0,
            }
        ),
    }
)
_MIDDLE = MappingProxyType({"minutes": "daily", "messages": "daily", "megabytes": "music"})  # where nothing is said

OVERESTIMATION = 1.1  # believed over recorded usage

# Standard deviations of the logarithm. An amount is off by a third (the simulator's subscribers guess with .3), a word
# by that and the width of its step: log(2.3) / sqrt(12) = .24, in squares .38. Without an answer: the population's.
DOUBT_OF_AMOUNTS = 0.3
DOUBT_OF_WORDS = 0.4
DOUBT_WITHOUT_ANSWER = 1.0

_DAYS = 30.4  # of a month
_MEGABYTES = 1024.0  # of a gigabyte


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """What one person says; whatever is left out is not known. An amount counts before a word.

    Attributes
    ----------
    calls, messages, data : str or None
        Keys of `TYPICAL`: how often the person calls, writes text messages, and what mobile data is used for.
    minutes_a_day, messages_a_day, gigabytes_a_month : float or None
        Amounts, >= 0.
    """

    calls: Calls | None = None
    messages: Messages | None = None
    data: DataHabit | None = None
    minutes_a_day: float | None = None
    messages_a_day: float | None = None
    gigabytes_a_month: float | None = None


@dataclass(frozen=True, slots=True)
class SaidUsage:
    """One said month for each of n people, as `engine.Subscribers.of` takes it.

    Attributes
    ----------
    history : History
        Arrays of shape (n, 1); the month of a subscriber without answers is unknown.
    extra_sd : float64 array of shape (n,)
        The doubt about it, as standard deviation of the logarithm; 0 where no month is known.
    """

    history: History
    extra_sd: FloatArray


def said_usage(answers: Sequence[Questionnaire]) -> SaidUsage:
    """Return the usage month that people's answers tell.

    Parameters
    ----------
    answers : sequence of Questionnaire
        One of each person.

    Returns
    -------
    SaidUsage
        Amounts are those said, divided by `OVERESTIMATION`. A service without an answer is taken as the middle one.
        The forecast takes one doubt for all services: the root mean square of theirs, so that each missing answer
        widens it.

    Raises
    ------
    DataError
        If a word is none of `TYPICAL`, or an amount is negative, not finite or more than the rater takes.

    Examples
    --------
    >>> said = said_usage([Questionnaire(calls="daily", messages="none", gigabytes_a_month=5.5), Questionnaire()])
    >>> [float(getattr(said.history.usage, name)[0, 0].round(1)) for name in SERVICES]
    [227.3, 0.0, 5120.0]
    >>> said.extra_sd.round(3).tolist(), said.history.known.tolist()
    ([0.37, 0.0], [[True], [False]])
    """
    amounts = np.zeros((len(SERVICES), len(answers)))
    doubts = np.zeros_like(amounts)
    for column, person in enumerate(answers):
        amounts[:, column], doubts[:, column] = said_amounts(person)
    answered = doubts.min(axis=0) < DOUBT_WITHOUT_ANSWER
    usage = Usage(*(np.where(answered, part, 0.0)[:, None] for part in amounts))
    return SaidUsage(History(usage, answered[:, None]), np.where(answered, np.sqrt((doubts**2).mean(axis=0)), 0.0))


def said_amounts(person: Questionnaire) -> tuple[list[float], list[float]]:
    """Return what one person's answers tell by service: units a month, and the doubt about them.

    Raises
    ------
    DataError
        As `said_usage`.

    Examples
    --------
    >>> amounts, doubts = said_amounts(Questionnaire(messages="none", gigabytes_a_month=5.5))
    >>> [round(amount, 1) for amount in amounts], doubts
    ([250.0, 0.0, 5120.0], [1.0, 0.4, 0.3])
    """
    said = [_amount(service, word, amount) for service, word, amount in _by_service(person)]
    return [amount for amount, _ in said], [doubt for _, doubt in said]


def filled_in(history: History, said: SaidUsage) -> SaidUsage:
    """Return recorded months; the month of the questionnaire for subscribers without any.

    Parameters
    ----------
    history : History
        n rows of at least one place each.
    said : SaidUsage
        The same n people.

    Examples
    --------
    >>> recorded = History(Usage.of([[70.0], [0.0]], [[1.0], [0.0]], [[9.0], [0.0]]), np.array([[True], [False]]))
    >>> both = filled_in(recorded, said_usage([Questionnaire(calls="often"), Questionnaire(calls="often")]))
    >>> both.history.usage.minutes.round(3).tolist(), both.extra_sd.round(2).tolist()
    ([[70.0], [500.0]], [0.0, 0.85])
    """
    new = ~history.known.any(axis=1) & said.history.known[:, 0]
    parts: list[FloatArray] = []
    for service in SERVICES:
        months = getattr(history.usage, service).copy()
        months[new, 0] = getattr(said.history.usage, service)[new, 0]
        parts.append(months)
    known = history.known.copy()
    known[new, 0] = True
    return SaidUsage(History(Usage(*parts), known), np.where(new, said.extra_sd, 0.0))


def _by_service(person: Questionnaire) -> tuple[tuple[str, str | None, float | None], ...]:
    return (
        ("minutes", person.calls, _times(person.minutes_a_day, _DAYS)),
        ("messages", person.messages, _times(person.messages_a_day, _DAYS)),
        ("megabytes", person.data, _times(person.gigabytes_a_month, _MEGABYTES)),
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _amount(service: str, word: str | None, amount: float | None) -> tuple[float, float]:
    """Return units a month and the doubt about them."""
    typical = TYPICAL[service]
    if word is not None and word not in typical:
        raise DataError(f"questionnaire: an answer about {service} is none of {', '.join(typical)}; choose one.")
    if amount is not None:
        if not 0 <= amount <= MAX_USAGE:
            raise DataError(f"questionnaire: {service} must lie between 0 and {MAX_USAGE:,} a month; ask again.")
        return amount / OVERESTIMATION, DOUBT_OF_AMOUNTS
    if word is not None:
        return typical[word] / OVERESTIMATION, DOUBT_OF_WORDS
    return typical[_MIDDLE[service]], DOUBT_WITHOUT_ANSWER
