"""What commands write, as items: bundles, tables, JSON documents and JSON Lines."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from answers.records import Item, neutral, parted

__all__ = ["bundle_items", "document", "line_items", "table_items"]

_DOCUMENTS = ("metrics", "scorer", "forecast", "offers", "profile", "effects", "interval")
_ARRAYS = ("scorer.npz", "listings.npz")


def bundle_items(name: str, artifacts: Path) -> Iterator[Item]:
    """Yield what the current bundle of a folder knows: documents, the bytes of each array, the pictures.

    Manifest, settings, cards and pickles are left out: they hold times, versions, words and the addresses of classes.

    Parameters
    ----------
    name : str
        Of the bundle.
    artifacts : Path
        Root of bundles.
    """
    bundle = artifacts / "current"
    for stem in _DOCUMENTS:
        path = bundle / f"{stem}.json"
        if path.is_file():
            yield document(f"{name}: {stem}.json", path.read_text(encoding="utf-8"))
    for path in (bundle / file for file in _ARRAYS):
        if path.is_file():
            yield Item(f"{name}: {path.name}", _arrays(path))
    pictures = sorted(bundle.glob("*.png"))
    yield Item(f"{name}: pictures", [{"file": path.name, "sha256": _sha256(path.read_bytes())} for path in pictures])


def document(name: str, text: str) -> Item:
    """Return a JSON document as one record; one that cannot be read, such as a failed command's, as none."""
    try:
        return Item(name, [json.loads(neutral(text))])
    except ValueError:
        return Item(name, [])


def line_items(name: str, path: Path) -> Iterator[Item]:
    """Yield a file of JSON Lines as an item of figures and one of sentences."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    yield from _both(name, [json.loads(neutral(line)) for line in lines])


def table_items(name: str, path: Path, *, by: Sequence[str] = ("subscriber_id",)) -> Iterator[Item]:
    """Yield a CSV file as an item of figures and, where it has sentences, one of those; values stay as written.

    Parameters
    ----------
    name : str
    path : Path
    by : sequence of str
        Columns whose rows make one record, where the file has them; else each row is one.
    """
    rows: list[dict[str, str]] = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    if not rows or any(column not in rows[0] for column in by):
        yield from _both(name, rows)
        return
    groups: defaultdict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in by)].append(row)
    yield from _both(name, [{"rows": group} for group in groups.values()])


def _both(name: str, values: Sequence[Any]) -> Iterator[Item]:
    both = [parted(value) for value in values]
    yield Item(name, [figures for figures, _ in both])
    if any(words is not None for _, words in both):
        yield Item(f"{name}, words", [words for _, words in both])


def _arrays(path: Path) -> list[Any]:
    """Return name, type, shape and the bytes' hash of each array; a file of arrays is a zip archive."""
    with zipfile.ZipFile(path) as archive:
        return [_array(name, archive.read(name)) for name in sorted(archive.namelist())]


def _array(name: str, content: bytes) -> dict[str, str]:
    header = content[10:128].split(b"\n")[0].decode("latin-1").strip()
    return {"array": name.removesuffix(".npy"), "header": header, "sha256": _sha256(content)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
