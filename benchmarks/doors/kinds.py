"""The thirty kinds of damage: the bullets of what is promised of files, ten seeded variants each."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import contents
import facts
import identities
import numbers_written
import settings_written
from sheets import Case

__all__ = ["KINDS", "VARIANTS", "Kind"]

VARIANTS = 10
Damage = Callable[[Case, int, random.Random], Case]


@dataclass(frozen=True)
class Kind:
    """One kind of damage.

    Attributes
    ----------
    name : str
    reads : {"usage", "dated", "as-of", "events", "card", "rules", "draft"}
        Which commands read the file; `dated`: those that look at the last month, `as-of`: those that are told it.
    damage : callable
        From a sound case, the number of the variant and a seeded generator to a damaged copy.
    fractions : bool
        Whether the sound case has megabytes in quarters.
    """

    name: str
    reads: str
    damage: Damage
    fractions: bool = False

    def damaged(self, sound: Case, variant: int) -> Case:
        """Return a variant; the same one each time."""
        return self.damage(sound.copy(), variant, random.Random(f"{self.name} {variant}"))


KINDS = (
    Kind("thousands separated by points or commas", "usage", numbers_written.thousands),
    Kind("thousands separated by blanks or marks", "usage", numbers_written.blanks),
    Kind("decimal commas", "usage", numbers_written.commas, fractions=True),
    Kind("some rows with the other decimal sign", "usage", numbers_written.mixed_signs, fractions=True),
    Kind("minutes in seconds", "usage", numbers_written.minutes_in_seconds),
    Kind("megabytes in another unit", "usage", numbers_written.megabytes_in_another_unit),
    Kind("units stated in the mapping", "events", numbers_written.stated_units),
    Kind("durations as hh:mm:ss", "events", numbers_written.clock_durations),
    Kind("amounts that are none", "usage", numbers_written.no_amounts),
    Kind("ids in scientific notation", "usage", identities.scientific),
    Kind("ids with decimals", "usage", identities.decimals),
    Kind("ids with blanks and invisible characters", "usage", identities.blanks),
    Kind("ids spelt otherwise in the events", "events", identities.otherwise_in_events),
    Kind("months written otherwise", "usage", identities.months_otherwise),
    Kind("dates with times and zones", "events", identities.times_and_zones),
    Kind("dates in another form", "events", identities.dates_otherwise),
    Kind("an event of a wrong clock", "events", identities.rogue_events),
    Kind("a usage month of a wrong clock", "dated", identities.rogue_months),
    Kind("last year's usage", "as-of", identities.stale),
    Kind("rate card: fees written otherwise", "card", settings_written.fees),
    Kind("rate card: keys twice, unknown, misplaced", "card", settings_written.card_keys),
    Kind("rules: numbers and keys", "rules", settings_written.rules),
    Kind("a draft plan: numbers and keys", "draft", settings_written.drafts),
    Kind("a file under another name, cut or broken", "usage", contents.broken),
    Kind("stored otherwise", "usage", contents.stored_otherwise),
    Kind("columns nobody needs, headers in other letters", "usage", contents.columns),
    Kind("rows twice, in conflict, broken, out of order", "usage", contents.rows),
    Kind("plans held that are not in the card", "usage", facts.plans_held),
    Kind("odd facts of subscribers", "usage", facts.odd_facts),
    Kind("consent, hold-out, contacts, partial months", "usage", facts.odd_answers),
)
