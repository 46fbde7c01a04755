"""A small bundle, written by one call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from common_utils.bundle import Bundle, write_bundle


def overwrite(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)  # files of a bundle are read-only
    path.write_bytes(data)


CONTENT = {"model.joblib": bytes(range(256)) * 64, "metrics.json": b'{"accuracy": 0.5}\n', "config.yaml": b"a: 1\n"}
NOON = datetime(2026, 11, 23, 12, 1, 2, tzinfo=UTC)


def filler(content: dict[str, bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, data in content.items():
            (folder / name).write_bytes(data)

    return write


def ticking(start: datetime = NOON) -> Callable[[], datetime]:
    seconds = count()
    return lambda: start + timedelta(seconds=next(seconds))


def write_small(root: Path, content: dict[str, bytes] | None = None, **info: object) -> Bundle:
    return write_bundle(root, info=info, write=filler(CONTENT if content is None else content))


def hidden(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(".")]
