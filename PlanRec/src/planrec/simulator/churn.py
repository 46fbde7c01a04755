"""When simulated subscribers leave: a monthly hazard of known form; arrays in, arrays out.

logit hazard = base + overpay x what was paid beyond the cheapest plan + shock + competitor - tenure - binding contract
+ salience x overpayment of those contacted lately - accepted lately. Overpayment and shock are those of the last months
as the plan held would have billed them, so that the hazard on any other plan is known as well. Contact makes an
overpayment salient (Ascarza, Iyengar & Schleicher 2016), which is why an untargeted campaign can cost more subscribers
than it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.simulator.choice import choice_set
from planrec.simulator.config import ChurnConfig, SimulatorConfig
from planrec.simulator.usage import BURN_IN, Population

__all__ = ["HORIZON", "NEVER", "ChurnModel", "Contacts", "hazard", "leaving_within"]

HORIZON = 3  # months over which leaving is counted, and over which a contact is remembered
NEVER = -(10**6)  # month of a contact that never was
_MEMORY = 3


@dataclass(frozen=True, slots=True)
class Contacts:
    """The last month of a contact and of an acceptance, `NEVER` if never; int64 arrays of shape (n,)."""

    contacted: IntArray
    accepted: IntArray

    def at(self, rows: IntArray) -> Contacts:
        """Return those of some subscribers."""
        return Contacts(self.contacted[rows], self.accepted[rows])


def hazard(
    rules: ChurnConfig,
    *,
    overpay: FloatArray,
    shock: NDArray[np.bool_],
    tenure: FloatArray,
    bound: NDArray[np.bool_],
    competitor: bool,
    salient: NDArray[np.bool_],
    accepted: NDArray[np.bool_],
) -> FloatArray:
    """Return the chance of leaving at the end of a month.

    Parameters
    ----------
    rules : ChurnConfig
    overpay : float64 array of shape (...,)
        What the plan held cost a month beyond the cheapest one, in currency.
    shock : bool array of shape (...,)
        Whether the last bill was far above those before.
    tenure : float64 array of shape (...,)
        Months with the operator.
    bound : bool array of shape (...,)
        Whether a contract binds beyond the month.
    competitor : bool
        Whether a competitor campaigns in the month.
    salient, accepted : bool arrays of shape (...,)
        Whether the subscriber was contacted, and accepted an offer, within the last three months.

    Returns
    -------
    float64 array of shape (...,)

    Examples
    --------
    >>> no, zero = np.array([False]), np.zeros(1)
    >>> calm = {"shock": no, "tenure": zero, "bound": no, "competitor": False, "salient": no, "accepted": no}
    >>> hazard(ChurnConfig(base=0), overpay=zero, **calm).tolist()
    [0.5]
    """
    logit = rules.base + (rules.overpay + rules.salience * salient) * overpay + rules.shock * shock
    logit += rules.competitor * competitor - rules.tenure * np.minimum(tenure, 60) / 12
    logit -= rules.binding * bound + rules.accepted * accepted
    return 1 / (1 + np.exp(-logit))


class ChurnModel:
    """Hazards of a population on every plan, in every month; knows what each plan would have billed.

    Parameters
    ----------
    config : SimulatorConfig
    catalogue : Catalogue
    people : Population
        Of n subscribers.
    bills : int64 array of shape (n, BURN_IN + months + later_months, n_plans)
        Of `simulator.bills.bills_of_every_plan`, in cents.
    """

    def __init__(self, config: SimulatorConfig, catalogue: Catalogue, people: Population, bills: IntArray) -> None:
        self.config, self.catalogue, self.people, self.bills = config, catalogue, people, bills
        self.first_month = month_index(config.first_month)
        time = np.arange(-BURN_IN, bills.shape[1] - BURN_IN)
        since = time - people.joined[:, None]
        self.whole = (since > 0) | ((since == 0) & (people.first_share == 1)[:, None])

    def experience(self, rows: IntArray, t: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return overpayment, in currency, and bill shock in month `t` on each plan; arrays of shape (k, n_plans)."""
        at = t + BURN_IN
        bills, known = self.bills[rows, max(at - _MEMORY, 0) : at] / 100, self.whole[rows, max(at - _MEMORY, 0) : at]
        mean = _mean_of(bills, known)
        age, nobody = self.people.age[rows], np.full(len(rows), -1)
        on_sale = choice_set(self.catalogue, self.first_month + t, age, nobody)
        cheapest = np.where(on_sale, mean, np.inf).min(axis=1, keepdims=True)
        last = self.bills[rows, at - 1] / 100
        before = slice(max(at - 1 - _MEMORY, 0), at - 1)
        usual = _mean_of(self.bills[rows, before] / 100, self.whole[rows, before])
        shock = (last >= self.config.shock_ratio * usual) & (last >= usual + self.config.shock_amount)
        shock &= self.whole[rows, before].any(axis=1)[:, None]
        return np.maximum(mean - cheapest, 0.0), shock

    def hazards(
        self,
        experience: tuple[FloatArray, NDArray[np.bool_]],
        t: int,
        *,
        left: IntArray,
        tenure: IntArray,
        contacts: Contacts,
    ) -> FloatArray:
        """Return the chance of leaving at the end of month `t`.

        Parameters
        ----------
        experience : tuple of arrays of shape (k, p)
            Of `experience`, some or all plans.
        t : int
            Month of the table.
        left : int64 array broadcastable to (k, p)
            Months each plan binds after month `t`.
        tenure : int64 array of shape (k,)
            In month `t`.
        contacts : Contacts
            Of the k subscribers, month `t` included.

        Returns
        -------
        float64 array of shape (k, p)
        """
        overpay, shock = experience
        return hazard(
            self.config.churn,
            overpay=overpay,
            shock=shock,
            tenure=tenure[:, None].astype(np.float64),
            bound=left > 0,
            competitor=(self.first_month + t) % 12 + 1 in self.config.churn.competitor_months,
            salient=(t - contacts.contacted < HORIZON)[:, None],
            accepted=(t - contacts.accepted < HORIZON)[:, None],
        )

    def effect(
        self,
        rows: IntArray,
        t: int,
        *,
        current: IntArray,
        left: IntArray,
        terms: IntArray,
        tenure: IntArray,
        contacts: Contacts,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the chances of leaving within `HORIZON` months from month `t` on, the plan held throughout.

        Parameters
        ----------
        rows : int64 array of shape (k,)
            Subscribers.
        t : int
        current : int64 array of shape (k,)
            Position of the plan held.
        left : int64 array of shape (k,)
            Months it binds after month `t`.
        terms : int64 array of shape (n_plans,)
            Months each plan binds, from month `t` on.
        tenure : int64 array of shape (k,)
        contacts : Contacts
            Before month `t`.

        Returns
        -------
        tuple of float64 arrays of shape (k,), (k,) and (k, n_plans)
            Without a contact; contacted, but staying on the plan; having accepted the offer of each plan.
        """
        now = np.full(len(rows), t)
        declined, accepted = Contacts(now, contacts.accepted), Contacts(now, now)
        stays, turns_down, accepts = [], [], []
        for s in range(HORIZON):
            overpay, shock = self.experience(rows, t + s)
            held = np.arange(len(rows))[:, None], current[:, None]
            own = overpay[held], shock[held]
            bound, since = np.maximum(left - s, 0)[:, None], tenure + s
            stays.append(self.hazards(own, t + s, left=bound, tenure=since, contacts=contacts))
            turns_down.append(self.hazards(own, t + s, left=bound, tenure=since, contacts=declined))
            anew = np.maximum(terms - 1 - s, 0)
            accepts.append(self.hazards((overpay, shock), t + s, left=anew, tenure=since, contacts=accepted))
        return (
            leaving_within(np.stack(stays))[:, 0],
            leaving_within(np.stack(turns_down))[:, 0],
            leaving_within(np.stack(accepts)),
        )


def leaving_within(hazards: FloatArray) -> FloatArray:
    """Return the chance of leaving in any of some months.

    Parameters
    ----------
    hazards : float64 array of shape (m, ...)

    Returns
    -------
    float64 array of shape (...,)

    Examples
    --------
    >>> leaving_within(np.array([0.5, 0.5])).tolist()
    0.75
    """
    return 1 - np.prod(1 - hazards, axis=0)


def _mean_of(bills: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return the mean over the known months (axis 1), 0 where there are none."""
    total = np.where(known[..., None], bills, 0.0).sum(axis=1)
    return total / np.maximum(known.sum(axis=1), 1)[:, None]
