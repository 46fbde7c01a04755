"""What users bring, sound: usage months, events, a rate card, rules; and how a table becomes a file."""

from __future__ import annotations

import copy
import gzip
import io
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

__all__ = ["PLANS", "PROJECT", "REPOSITORY", "Case", "Roles", "Sheet", "sound"]

Row = dict[str, str]

PROJECT = Path(os.environ.get("DOORS_PROJECT", Path(__file__).resolve().parents[2] / "PlanRec"))
REPOSITORY = PROJECT.parent
MONTHS = ("2025-05", "2025-06", "2025-07", "2025-08", "2025-09", "2025-10")
PLANS = ("basic-6", "talk-800", "smart-12", "data-20", "prepaid-0")
_DRAFTED = """plan_id: swell
name: Swell
monthly_fee_cents: 1500
included: {minutes: 800, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 2, cents_per_message: 2, cents_per_data_unit: 800}
"""


@dataclass
class Sheet:
    """A table as text, and what was done to it.

    Attributes
    ----------
    rows : list of dict
        One text for each column.
    numbers : tuple of str
        Columns that hold amounts.
    key : str
        Whose row it is.
    touched : list of (dict, str)
        Rows that were damaged, by identity, and the column; "" for a row as a whole.
    whole : set of str
        Columns damaged throughout.
    delimiter, ending, start, extra : of the file
        `extra` are raw lines put in after the row of that place.
    """

    rows: list[Row]
    numbers: tuple[str, ...]
    key: str
    touched: list[tuple[Row, str]] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    delimiter: str = ","
    ending: str = ".csv"
    start: bytes = b""
    encoding: str = "utf-8"
    header: dict[str, str] = field(default_factory=dict)

    def change(self, row: Row, column: str, text: str) -> None:
        """Put a text into a row, and remember that."""
        if row[column] != text:
            row[column] = text
            self.touched.append((row, column))

    def change_all(self, column: str, texts: Mapping[str, str]) -> None:
        """Put other texts into a whole column."""
        self.whole.add(column)
        for row in self.rows:
            row[column] = texts.get(row[column], row[column])

    def numbered(self) -> dict[int, set[str]]:
        """Return the damaged columns by row number, the first row below the header being 1."""
        places = {id(row): place for place, row in enumerate(self.rows, start=1)}
        found: dict[int, set[str]] = {}
        for row, column in self.touched:
            if id(row) in places:
                found.setdefault(places[id(row)], set()).add(column)
        return found

    def keys(self) -> dict[int, str]:
        """Return whose row each damaged one is or was."""
        return {place: self.rows[place - 1].get("_who", self.rows[place - 1][self.key]) for place in self.numbered()}

    def text(self) -> str:
        """Return the table as CSV text."""
        columns = [c for c in self.rows[0] if c != "_who"]
        lines = [self.delimiter.join(self._field(self.header.get(c, c)) for c in columns)]
        lines += [
            row["_raw"] if "_raw" in row else self.delimiter.join(self._field(row[c]) for c in columns)
            for row in self.rows
        ]
        return "\n".join(lines) + "\n"

    def _field(self, text: str) -> str:
        return f'"{text}"' if self.delimiter in text else text

    def content(self) -> bytes:
        """Return the file."""
        plain = self.start + self.text().encode(self.encoding)
        if self.ending == ".csv.gz":
            return gzip.compress(plain)
        if self.ending == ".parquet":
            return self._parquet()
        return plain

    def _parquet(self) -> bytes:
        """Return the table with amounts as numbers where all are, the rest as text."""
        frame = pd.DataFrame(self.rows).drop(columns="_who", errors="ignore").rename(columns=self.header)
        for column in frame.columns:
            if column in self.numbers:  # what is empty is missing
                numbers = pd.to_numeric(frame[column].mask(frame[column] == ""), errors="coerce")
                frame[column] = numbers if (numbers.notna() | (frame[column] == "")).all() else frame[column]
        stream = io.BytesIO()
        frame.to_parquet(stream, index=False)
        return stream.getvalue()


@dataclass(frozen=True)
class Roles:
    """Which column of a sibling's table is what damage is done to.

    Attributes
    ----------
    amount : str
        A column of amounts, most of them of four digits or more.
    required : str
        A column that must not be empty.
    optional : str
        A number that may be missing; "" where there is none.
    bounded : str
        A number that has bounds.
    beyond : str
        A number beyond them.
    category, target : str
        A column of words, "" where there is none; and what is learnt.
    used : str
        A number that the small model looks at.
    unit : str
        A larger unit of the amount.
    large, small : float
        How much of ours that is, and a much smaller one.
    """

    amount: str = ""
    required: str = ""
    optional: str = ""
    bounded: str = ""
    beyond: str = ""
    category: str = ""
    target: str = ""
    used: str = ""
    unit: str = ""
    large: float = 1.0
    small: float = 1.0


@dataclass
class Case:
    """Everything the commands read.

    Attributes
    ----------
    usage : Sheet
    events : dict of str to Sheet
        `calls`, `messages`, `sessions`, `subscribers`.
    card, rules, draft : str
        YAML.
    files : dict of str to bytes
        What takes the place of a file that was written from the above, by its path; None of it: it is left out.
    options : tuple of str
        What the user states on every command line.
    stated : bool
        Whether that takes every doubt away: then only the answer of the undamaged file will do.
    usage_file : str or None
        Name of the file that takes the place of the usage months.
    table : str
        What accounts call `usage`.
    roles : Roles
        Which columns of a sibling's table are what.
    """

    usage: Sheet
    events: dict[str, Sheet]
    card: str
    rules: str
    draft: str
    files: dict[str, bytes] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    stated: bool = False
    usage_file: str | None = None
    table: str = "usage months"
    roles: Roles = Roles()

    def copy(self) -> Case:
        """Return the same, to be damaged."""
        return copy.deepcopy(self)

    def sheets(self) -> dict[str, Sheet]:
        """Return all tables under the names that accounts have for them."""
        return {self.table: self.usage, **self.events}

    def write(self, folder: Path) -> None:
        """Write every file."""
        content = {self.usage_path(): self.usage.content()}
        content |= {f"events/{name}{sheet.ending}": sheet.content() for name, sheet in self.events.items()}
        texts = {"card.yaml": self.card, "rules.yaml": self.rules, "swell.yaml": self.draft}
        content |= {name: text.encode() for name, text in texts.items()}
        for name, data in {**content, **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        folded = self.usage_file
        if folded is not None and any(name.startswith(f"{folded}/") for name in self.files):
            (folder / f"usage{self.usage.ending}").unlink(missing_ok=True)

    def usage_path(self) -> str:
        """Return the name of the file of usage months."""
        if self.usage_file is None or any(name.startswith(f"{self.usage_file}/") for name in self.files):
            return f"usage{self.usage.ending}"
        return self.usage_file


def sound(*, fractions: bool = False) -> Case:
    """Return a sound case: 60 subscribers of six months, 40 with events; whole amounts, or megabytes in quarters."""
    rng = random.Random(7)
    rows: list[Row] = []
    for number in range(60):
        who, age, tenure = f"3460011{number:04d}", rng.randint(19, 80), rng.randint(6, 90)
        plan, left = rng.choice(PLANS), rng.choice((0, 0, 1, 3, 7))
        level = rng.choice((300, 2500, 9000, 26000))
        for place, month in enumerate(MONTHS):
            data = level + rng.randint(0, level)
            rows.append(
                {
                    "subscriber_id": who,
                    "month": month,
                    "minutes": str(rng.randint(0, 1300)),
                    "messages": str(rng.randint(0, 140)),
                    "megabytes": f"{data}.{rng.choice((25, 5, 75))}" if fractions else str(data),
                    "current_plan": plan,
                    "age": str(age),
                    "tenure_months": str(tenure + place),
                    "contract_months_left": str(max(left - place, 0)),
                    "partial": "false",
                    "consent": "true" if number % 3 else "false",
                    "contacts_90d": str(number % 3),
                    "holdout": "true" if number % 10 == 0 else "false",
                    "_who": who,
                }
            )
    usage = Sheet(rows, ("minutes", "messages", "megabytes"), "subscriber_id")
    card = (PROJECT / "configs" / "plans.yaml").read_text(encoding="utf-8")
    rules = (PROJECT / "configs" / "rules.yaml").read_text(encoding="utf-8")
    return Case(usage, _events(rng), card, rules, _DRAFTED)


def _events(rng: random.Random) -> dict[str, Sheet]:
    people = [f"3460022{number:04d}" for number in range(40)]
    days = [f"{month}-{day:02d}" for month in MONTHS for day in (3, 11, 19, 27)]
    amounts = {"calls": "minutes", "sessions": "megabytes", "messages": None}
    events: dict[str, Sheet] = {}
    for name, amount in amounts.items():
        rows: list[Row] = []
        for who in people:
            for day in days:
                row = {"subscriber_id": who, "date": day}
                if amount == "minutes":
                    row[amount] = str(rng.randint(1, 25))
                elif amount:
                    row[amount] = str(rng.randint(100, 1500))
                rows.append({**row, "_who": who})
        events[name] = Sheet(rows, () if amount is None else (amount,), "subscriber_id")
    joined = [
        {"subscriber_id": who, "reg_date": "2025-05-01", "current_plan": rng.choice(PLANS), "_who": who}
        for who in people
    ]
    events["subscribers"] = Sheet(joined, (), "subscriber_id")
    return events
