"""Intervals of the bills to expect on the plans of a full card, held against later months of a simulated operator.

Each of the last three months is foretold from the twelve or more months before it, on every plan. A segment's share is
that of its months whose bill lies within the interval, which promises 80 %. Months whose interval is one amount are
counted apart: they hold nearly always, and would flatter the rest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from figures import arguments, report

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import load_catalogue
from planrec.billing.cards import BillRequest, FullCard, load_request
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import Events, read_events
from planrec.billing.rating import plan_totals
from planrec.outlook.full_cards import expected_bills, past_use
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.full_cards.traits import load_traits
from planrec.simulator.full_cards.write import write_full_card
from planrec.simulator.operator import simulate

PROJECT = Path(__file__).parents[2] / "PlanRec"
LATER = 3


def operator(subscribers: int) -> tuple[FullCard, BillRequest, Events]:
    """Return the card, the accounts and the events of 15 months."""
    settings = SimulatorConfig.model_validate(
        {"subscribers": subscribers, "event_subscribers": subscribers, "months": 12 + LATER}
    )
    simulation = simulate(settings, load_catalogue(PROJECT / "configs/plans.yaml"), np.random.default_rng(11))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_full_card(simulation, load_traits(PROJECT / "examples/cards/litora/traits.yaml"), folder)
        card, request = load_complete_card(folder / "card.yaml"), load_request(folder / "accounts.yaml")
        data = (folder / "events.csv").read_bytes()
        return card, request, read_events(data, "events", card.timezone, request.subscribers, card.prefixes)


class Held:
    """Months counted by segment."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}

    def add(self, segment: str, inside: BoolArray, single: BoolArray) -> None:
        """Count months: all, held, and of those with more than one amount all and held."""
        found = [len(inside), int(inside.sum()), int((~single).sum()), int(inside[~single].sum())]
        self.counts[segment] = [a + b for a, b in zip(self.counts.get(segment, [0] * 4), found, strict=True)]

    def figures(self) -> dict[str, float]:
        """Return months and shares of each segment."""
        return {
            f"{name}, {what}": value
            for name, (months, held, wide, wide_held) in self.counts.items()
            for what, value in (
                ("months", months),
                ("held", round(held / months, 4)),
                ("months with a range", wide),
                ("held with a range", round(wide_held / max(wide, 1), 4)),
            )
        }


def segments(
    card: FullCard, request: BillRequest, known: IntArray, level: FloatArray
) -> Iterator[tuple[str, int, BoolArray]]:
    """Yield segments: every plan for everybody; the plan held by thirds of the megabytes to expect."""
    everybody = np.ones(len(known), dtype=bool)
    holders = tuple(request.subscribers.values())
    held = np.array([holders[i].plan for i in known.tolist()])
    thirds = np.searchsorted(np.quantile(level, [1 / 3, 2 / 3]), level)
    for k, plan in enumerate(card.plans):
        yield f"plan {plan.plan_id}", k, everybody
        for third, name in enumerate(("light", "middle", "heavy")):
            yield f"{name} on their plan", k, (held == plan.plan_id) & (thirds == third)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    card, request, events = operator(150 if options.quick else 1300)
    totals, use = plan_totals(card, request, events), past_use(card, request, events)
    held, errors = Held(), []
    for t in range(12, 12 + LATER):
        past = request.model_copy(update={"bill": request.bill[:t]})
        bills = expected_bills(card, past, events, np.random.default_rng([7, t]))
        whole = use.whole[bills.known, t]
        low, high = bills.interval
        real = totals[:, bills.known, t]
        errors.append((bills.mean - real)[:, whole].mean())
        for name, k, who in segments(card, request, bills.known, use.levels(t)[bills.known, 2]):
            rows = who & whole
            inside = (real[k] >= low[k]) & (real[k] <= high[k])
            held.add(name, inside[rows], (low[k] == high[k])[rows])
    report(
        "planrec_full_card_intervals", held.figures() | {"mean error, cents": round(float(np.mean(errors)), 1)}, options
    )


if __name__ == "__main__":
    main()
