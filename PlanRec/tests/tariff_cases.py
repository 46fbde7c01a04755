"""Bill folders of tariff cases (a neutral notation) through `planrec bill`'s own function, and print what differs.

Usage: python PlanRec/tests/tariff_cases.py FOLDER...

A folder is a case, or holds cases. The translation is by key; a key that the card does not know is refused by name.

The random cards of the tests also draw keys that the notation lacks, each written as in a card: `holidays`;
`rounded: day` and `day_minimum` of rates; `per_week_max` and `numbers` of allowances, with a column `number` of the
events; `of_all` of discounts; `starts` and `max_per_period` of options, with `bought` of subscribers;
`bonus` of prepaid plans. `translate` takes them only where it is told to (`own`); in a folder they are refused by name.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from common_utils.errors import ConfigError, PortfolioError
from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request, read_marked_tree
from planrec.billing.events import read_events
from planrec.billing.rating import BillBook, bill_events

_CARD_KEYS = ("currency", "timezone", "tax", "rounding", "period", "bands", "band_rule", "prepaid", "pool")
_KNOWN = {*_CARD_KEYS, "case", "operator", "title", "bill", "plans", "options", "choose", "subscribers"}
_WORDS_OF_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_OWN = {"rates": ("day_minimum",), "allowances": ("per_week_max", "numbers"), "discounts": ("of_all",)}
_UNUSED_IN_PREPAID = {"rates", "allowances"}  # FORMAT.md: "not used"
_SUBSCRIBER = {"plan", "from", "to", "plan_changes", "options", "device", "topups"}

Mapping = dict[str, Tree]


def _mapping(tree: Tree, where: str) -> Mapping:
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: a mapping is wanted here.")
    return tree


def _rate(tree: Tree, where: str, *, own: bool) -> Mapping:
    row = dict(_mapping(tree, where))
    if "first" in row or "step" in row:
        row["increment"] = f"{row.pop('first', '1')}/{row.pop('step', '1')}"
    if row.get("rounded") == "day" and not own:
        raise ConfigError(f"{where}: unknown value 'day' of `rounded`.")
    for key in ("increment", "valid_from", "valid_to"):
        if key in _mapping(tree, where):
            raise ConfigError(f"{where}: unknown key {key!r}.")
    if "per_minute_from_second" in row:
        if "per_minute" in row:
            raise ConfigError(f"{where}: `per_minute` and `per_minute_from_second` are one price told twice.")
        row["per_minute"] = row.pop("per_minute_from_second")
    return row


def _owner(tree: Tree, where: str, identifier: str, name: str, *, own: bool) -> Mapping:
    owner = dict(_mapping(tree, where))
    if identifier in owner:
        raise ConfigError(f"{where}: unknown key {identifier!r}.")
    if not own:
        _refuse_own(owner, where)
    if isinstance(owner.get("rates"), list):
        owner["rates"] = [_rate(rate, f"{where}.rates", own=own) for rate in owner["rates"]]  # type: ignore[union-attr]
    return {**owner, identifier: name}


def _refuse_own(owner: Mapping, where: str) -> None:
    """Refuse keys that are the card's and not the notation's."""
    for key in ("starts", "max_per_period", "bonus"):
        if key in owner:
            raise ConfigError(f"{where}: unknown key {key!r}.")
    for part, keys in _OWN.items():
        rows = owner.get(part)
        for key in keys if isinstance(rows, list) else ():
            if any(isinstance(row, dict) and key in row for row in rows):
                raise ConfigError(f"{where}.{part}: unknown key {key!r}.")


def _subscriber(tree: Tree, where: str, *, own: bool) -> Mapping:
    told = _mapping(tree if tree is not None else {}, where)  # `A:` alone is somebody of whom nothing is said
    taken = {*_SUBSCRIBER, "bought"} if own else _SUBSCRIBER
    known = {key: value for key, value in told.items() if key in taken}
    held: list[Tree] = []
    for key, value in told.items():
        if key in taken:
            continue
        if value not in (True, False, *_WORDS_OF_FLAGS):
            raise ConfigError(f"{where}: unknown key {key!r}.")
        if value is True or _WORDS_OF_FLAGS.get(str(value)):
            held.append(key)
    return {**known, "flags": held}


def translate(tree: Tree, *, own: bool = False) -> tuple[FullCard, BillRequest]:
    """Return card and request of a case; a key that cannot be carried is refused by name, and so are `own` keys."""
    case = _mapping(tree, "case.yaml")
    own_keys = ("holidays",) if own else ()
    unknown = sorted(set(case) - _KNOWN - {*own_keys})
    if unknown:
        raise ConfigError(f"case.yaml: unknown key {unknown[0]!r}.")
    plans, options = _mapping(case.get("plans"), "plans"), _mapping(case.get("options") or {}, "options")
    card: Mapping = {key: case[key] for key in (*_CARD_KEYS, *own_keys) if case.get(key) is not None}
    card["version"] = str(case.get("case") or "case")
    owners = [_owner(p, f"plans.{name}", "plan_id", name, own=own) for name, p in plans.items()]
    card["options"] = [_option(o, name, own=own) for name, o in options.items()]
    if case.get("prepaid") in (True, "true"):
        owners = [{k: v for k, v in p.items() if k not in _UNUSED_IN_PREPAID} for p in owners]
    card["plans"] = list(owners)
    subscribers: Mapping = {
        name: _subscriber(s, f"subscribers.{name}", own=own)
        for name, s in _mapping(case.get("subscribers"), "subscribers").items()
    }
    request: Mapping = {"bill": case.get("bill"), "subscribers": subscribers}
    if case.get("choose") is not None:
        request["choose"] = case["choose"]
    return parse_card(card, "case.yaml"), parse_request(request, "case.yaml")


def _option(tree: Tree, name: str, *, own: bool) -> Mapping:
    option = _owner(tree, f"options.{name}", "option_id", name, own=own)
    option.setdefault("name", name)
    return option


def bill_case(folder: Path) -> BillBook:
    """Bill one case folder."""
    card, request = translate(read_marked_tree((folder / "case.yaml").read_bytes(), f"{folder.name}/case.yaml").tree)
    table = (folder / "events.csv").read_bytes()
    events = read_events(table, f"{folder.name}/events.csv", card.timezone, request.subscribers)
    return bill_events(card, request, events)


Line = tuple[str, str, str, str, str]


def _number_text(text: str) -> str:
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return f"0{short}" if short.startswith(".") else short


def expected_lines(folder: Path) -> list[Line]:
    """Return the lines of `expected.csv`."""
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found: list[Line] = []
    for r in rows:
        throttled = r["item"] == "info throttled MB"
        quantity = _number_text(r["quantity"]) if throttled else r["quantity"]
        cents = r["cents"] or "0" if throttled or r["item"] == "choice" else r["cents"]
        found.append((r["subscriber"], r["period"], r["item"], quantity, cents))
    return found


def differing_lines(folder: Path) -> list[str]:
    """Return what differs between the bills of a case and its `expected.csv`, one line each."""
    wanted = expected_lines(folder)
    got = [(x.subscriber, x.period, x.item, x.quantity, str(x.cents)) for x in bill_case(folder).lines()]
    lines = [f"{folder.name}: expected {','.join(line)}" for line in wanted if line not in got]
    lines += [f"{folder.name}: billed   {','.join(line)}" for line in got if line not in wanted]
    return lines + [f"{folder.name}: twice    {','.join(line)}" for line in {*got} if got.count(line) > 1]


def case_folders(paths: list[Path]) -> Iterator[Path]:
    """Yield the case folders among paths and below them."""
    for path in paths:
        if (path / "case.yaml").exists():
            yield path
        else:
            found = sorted(p.parent for p in path.rglob("case.yaml"))
            if not found:
                raise ConfigError(f"{path}: no case.yaml here or below.")
            yield from found


def main(arguments: list[str]) -> int:
    """Walk case folders; exit code 1 if a line differs or a case is refused."""
    differ = 0
    for folder in case_folders([Path(a) for a in arguments]):
        try:
            lines = differing_lines(folder)
        except (PortfolioError, OSError) as error:
            lines = [f"{folder.name}: refused: {error}"]
        differ += len(lines)
        for line in lines:
            sys.stdout.write(line + "\n")
    sys.stdout.write(f"differ: {differ}\n")
    return 1 if differ else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python tests/tariff_cases.py FOLDER...\n")
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
