"""Show that a checkout answers as another did, to the last digit: write digests of all answers once, then compare.

    python make/same_answers.py write   --out FILE.json     --root DIR --keep RAW
    python make/same_answers.py compare --against FILE.json --root DIR --before RAW

Commands, services and files in bundles are asked from outside, so that it works on any commit; nothing in the checkout
changes. One thread each, two chapters at a time. Digests hold for one machine and one set of locked libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answers.chapters import CHAPTERS
from answers.records import MARK_LENGTH, Item, first_difference, summary
from answers.running import Checkout, ServiceError

__all__ = ["difference", "main"]

_FORMAT = 1


@dataclass(frozen=True)
class Answers:
    """What a checkout answered: items by name, and what went wrong."""

    items: dict[str, Item]
    problems: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare; return 1 where anything differs or a command fails otherwise than it should."""
    options = _options(arguments)
    root = Path(options.root).resolve()
    venv = Path(options.venv).resolve() if options.venv else root / ".venv"
    _check(root, venv, Path(options.out) if options.do == "write" else None)
    started = time.monotonic()
    answers = _asked(root, venv, Path(options.data).resolve(), options.only or list(CHAPTERS))
    if options.keep:
        _keep(answers.items, Path(options.keep))
    for problem in answers.problems:
        print(f"PROBLEM   {problem}")
    seconds = time.monotonic() - started
    if options.do == "write":
        return _written(answers, root, Path(options.out), seconds)
    return _compared(answers, options, seconds)


def difference(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str | None:
    """Return how an item differs from what was kept of it; None where it does not.

    Parameters
    ----------
    name : str
        Of the item.
    before, after : mapping or None
        As `answers.records.summary` returns it; None where that side lacks the item.

    Examples
    --------
    >>> before, after = ({**summary([{"cents": 1}, {"cents": cents}])} for cents in (2, 3))
    >>> difference("bills", before, after)
    'DIFFERENT bills: 1 of 2 records; fields: cents'
    >>> difference("bills", before, None)
    'MISSING   bills'
    """
    if before is None or after is None:
        return f"{'NEW      ' if before is None else 'MISSING  '} {name}"
    if before["sha256"] == after["sha256"]:
        return None
    counts = {before["records"], after["records"]}
    marks = [_marks(side["marks"]) for side in (before, after)]
    differing = sum(one != other for one, other in zip(*marks, strict=False)) + max(counts) - min(counts)
    names = sorted({*before["fields"], *after["fields"]})
    fields = [field for field in names if before["fields"].get(field) != after["fields"].get(field)]
    more = f" and {len(fields) - 5} more" if len(fields) > 5 else ""
    size = f"{differing:,} of {before['records']:,} records"
    if len(counts) == 2:
        size += f" ({after['records']:,} now)"
    return f"DIFFERENT {name}: {size}; fields: {', '.join(fields[:5])}{more}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="do", required=True)
    write = commands.add_parser("write", help="ask everything and write the digests")
    write.add_argument("--out", required=True, help="file to write, JSON")
    compare = commands.add_parser("compare", help="ask everything and compare with digests written before")
    compare.add_argument("--against", required=True, help="what `write` wrote")
    compare.add_argument("--before", help="what `write --keep` kept; shows one differing value an item")
    here = Path(__file__).resolve().parents[1]
    for command in (write, compare):
        command.add_argument("--root", default=str(here), help="checkout to ask; else this one")
        command.add_argument("--venv", help="its environment; else .venv in it")
        command.add_argument("--keep", help="folder that takes all answers, a file an item")
        command.add_argument("--only", nargs="+", choices=list(CHAPTERS), help="chapters to ask; else all")
        shared = os.environ.get("PORTFOLIO_DATA") or here.parent / "shared" / "data"
        command.add_argument("--data", default=str(shared), help="public tables; else PORTFOLIO_DATA")
    return parser.parse_args(arguments)


def _check(root: Path, venv: Path, out: Path | None) -> None:
    """Leave with 1 where the wrong code would be asked, or digests would be written a second time."""
    python, planrec = venv / "bin" / "python", root / "PlanRec" / "src" / "planrec"
    find = "from importlib.util import find_spec; print(find_spec('planrec').submodule_search_locations[0])"
    found = python.exists() and subprocess.run([str(python), "-c", find], capture_output=True, text=True, check=False)
    if not found or Path(found.stdout.strip()).resolve() != planrec.resolve():
        sys.exit(f"same answers: {venv} does not hold the planrec of {root}; run `make setup` there, or name --venv.")
    if out is not None and out.exists():
        sys.exit(f"same answers: {out} exists; digests are written once. Compare with it, or name another --out.")
    if out is not None and _git(root, "status", "--porcelain", "--untracked-files=no"):
        sys.exit(f"same answers: files in {root} are changed; digests are written of a commit.")


def _asked(root: Path, venv: Path, data: Path, chapters: Sequence[str]) -> Answers:
    """Ask the chapters of a checkout, two at a time, each in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="same-answers-") as folder, ThreadPoolExecutor(2) as threads:
        checkouts = {name: Checkout(root, venv, Path(folder) / name, data) for name in chapters}
        found = list(threads.map(_chapter, checkouts, checkouts.values()))
    items = {item.name: item for part in found for item in part}
    problems = [problem for checkout in checkouts.values() for problem in checkout.problems]
    return Answers(items, problems)


def _chapter(name: str, checkout: Checkout) -> list[Item]:
    started = time.monotonic()
    checkout.folder.mkdir(parents=True)
    items: list[Item] = []
    try:
        items.extend(CHAPTERS[name](checkout))
    except (OSError, ServiceError, subprocess.SubprocessError) as error:
        checkout.problems.append(f"chapter {name} broke off: {error}")
    items.append(Item(f"{name}: exit codes and printed figures", checkout.printed))
    sys.stderr.write(f"chapter {name}: {len(items)} items in {time.monotonic() - started:.0f} s\n")
    return items


def _written(answers: Answers, root: Path, path: Path, seconds: float) -> int:
    if answers.problems:
        print("nothing written: every command must leave as it should")
        return 1
    kept = {name: summary(item.records) for name, item in sorted(answers.items.items())}
    head = {"format": _FORMAT, "commit": _git(root, "rev-parse", "HEAD"), "python": sys.version.split()[0]}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in kept.items())
    path.write_text(f'{json.dumps(head)[:-1]}, "items": {{\n{lines}\n}}}}\n', encoding="utf-8")
    records = sum(value["records"] for value in kept.values())
    print(f"{len(kept)} items, {records:,} records written to {path} in {seconds:.0f} s")
    return 0


def _compared(answers: Answers, options: argparse.Namespace, seconds: float) -> int:
    kept: dict[str, Any] = json.loads(Path(options.against).read_text(encoding="utf-8"))
    now = {name: summary(item.records) for name, item in answers.items.items()}
    before: dict[str, Any] = kept["items"]
    differing = 0
    for name in sorted({*now} if options.only else {*before, *now}):
        line = difference(name, before.get(name), now.get(name))
        differing += line is not None
        print(line or f"same      {name}: {now[name]['records']:,} record(s)")
        if line and options.before and name in answers.items:
            print(_example(Path(options.before) / _file_name(name), answers.items[name].records))
    print(f"{differing} of {len(now)} items differ from commit {kept['commit'][:12]}; {seconds:.0f} s")
    return 1 if differing or answers.problems else 0


def _example(path: Path, after: Sequence[Any]) -> str:
    """Return the first differing record of an item, where the answers before were kept."""
    if not path.is_file():
        return f"          no {path.name} among the answers before"
    before = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        found = first_difference(one, other)
        if found is not None:
            return f"          record {number + 1}: {found}"
    return f"          {len(before)} records before, {len(after)} now; those in both are equal"


def _keep(items: Mapping[str, Item], folder: Path) -> None:
    """Write every record as a line of JSON, a file an item."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, item in items.items():
        lines = (json.dumps(record, sort_keys=True, ensure_ascii=False) for record in item.records)
        (folder / _file_name(name)).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") + ".jsonl"


def _marks(text: str) -> list[str]:
    return [text[place : place + MARK_LENGTH] for place in range(0, len(text), MARK_LENGTH)]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
