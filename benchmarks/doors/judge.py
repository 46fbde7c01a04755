"""Whether a damaged file was refused, answered as the undamaged one, answered with a word on what was done, or misread.

Nothing of the project is asked: outputs are held against the outputs of the undamaged file, and the account is read as
text.
"""

from __future__ import annotations

import re
from enum import StrEnum

from asked import Command, Run
from sheets import Case

__all__ = ["Verdict", "judged"]


class Verdict(StrEnum):
    """What became of a damaged file."""

    SAME = "answer of the undamaged file"
    TOLD = "account names row, column and repair"
    REFUSED = "refused"
    SILENT = "SILENT MISREAD"
    UNHELPFUL = "REFUSED THOUGH STATED"
    BROKEN = "BROKE OFF"


def judged(command: Command, case: Case, sound: Run, found: Run) -> tuple[Verdict, str]:
    """Return the verdict, and what was seen.

    Parameters
    ----------
    command : Command
    case : Case
        The damaged one.
    sound, found : Run
        Of the undamaged and of the damaged files.
    """
    if sound.code != 0:
        return Verdict.BROKEN, f"the undamaged file is not answered: {sound.said[:300]}"
    if found.code != 0:
        return _refusal(case, found)
    keys = {*sound.answers, *found.answers}
    other = {key for key in keys if sound.answers.get(key) != found.answers.get(key)}
    if not other:
        return Verdict.SAME, ""
    if case.stated:
        return Verdict.SILENT, f"stated, and answered otherwise: {_first(other, sound, found)}"
    untold = _untold(command, case, found, other)
    if untold:
        return Verdict.SILENT, f"{untold}; {_first(other, sound, found)}; said: {found.said[:260]}"
    return Verdict.TOLD, ""


def _refusal(case: Case, found: Run) -> tuple[Verdict, str]:
    if found.code not in (2, 3) or "Traceback" in found.said or not found.said.strip():
        return Verdict.BROKEN, f"exit code {found.code}: {found.said[-400:]}"
    if found.left:
        return Verdict.BROKEN, f"refused, and yet wrote {found.left}"
    if case.stated:
        return Verdict.UNHELPFUL, found.said[-400:]
    return Verdict.REFUSED, ""


def _first(other: set[str], sound: Run, found: Run) -> str:
    key = min(other)
    return f"{len(other)} differ, the first {key!r}: {sound.answers.get(key)} became {found.answers.get(key)}"[:260]


def _untold(command: Command, case: Case, found: Run, other: set[str]) -> str:
    """Return what the account should have named and does not; "" where it names all."""
    account = [line for line in found.said.split("\n") if re.match(r"(repaired|rejected|set aside|note): ", line)]
    concerned: set[str] = set()
    for table, sheet in case.sheets().items():
        owners = sheet.keys()
        for row, columns in sheet.numbered().items():
            mine = {owners[row], sheet.rows[row - 1].get(sheet.key, "")}
            concerned |= mine
            if command.by_key and not mine & other:
                continue
            stale = "month" in columns and re.search("no[- ]recent[- ]month", found.said)
            missing = [c for c in sorted(columns) if not stale and not _row_told(table, row, c, account, found)]
            if missing and not sheet.whole & columns:
                return f"{table}, row {row}: nothing names {missing}"
        for column in sheet.whole:
            stale = column == "month" and re.search("no[- ]recent[- ]month", found.said)
            if not stale and not any(_names(line, column) for line in account):
                return f"{table}: nothing names the column {column}"
            concerned |= other
    if not command.by_key:
        return "" if concerned else "nothing was damaged in a table, and the answer differs"
    strangers = other - concerned
    return f"{len(strangers)} subscriber(s) whose rows are sound are answered otherwise" if strangers else ""


def _row_told(table: str, row: int, column: str, account: list[str], found: Run) -> bool:
    for of_table, number, of_column in found.rejects:
        if (of_table, number) == (table, row) and (not column or of_column in (column, "")):
            return True
    for line in account:
        if line.startswith("note: ") and _names(line, column) and column in ("month", "subscriber_id"):
            return True  # about pairs of rows
        if line.startswith(("repaired: ", "note: ")) and _names(line, column) and _lists(line, row):
            return True
        # What lies after the last month that counts is no fault of its row: it is counted.
        if column in ("month", "date") and re.match(r"set aside: (after|before) [0-9]{4}-[0-9]{2}, ", line):
            return True
    return False


def _names(line: str, column: str) -> bool:
    return re.search(rf"(^|[^a-z0-9_]){re.escape(column)}($|[^a-z0-9_])", line) is not None


def _lists(line: str, row: int) -> bool:
    """Tell whether a line lists a row, or more rows than it can list."""
    listed = re.search(r"row ([0-9, ]+)(…)?", line)
    return listed is not None and (listed[2] is not None or str(row) in re.findall(r"[0-9]+", listed[1]))
