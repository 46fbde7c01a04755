"""Get the public tables from the addresses in `data_sources.toml`: whole, with the right sha256, or not at all.

`make data` runs it; the standard library is enough. A download that breaks off is continued where it stopped, also by
the next run. Exit codes: 0 every table is there; 2 arguments or addresses; 3 a table could not be had; 4 a file has
other bytes than declared, and was refused.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import re
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["FetchError", "OtherBytesError", "SourcesError", "Table", "fetch", "main", "read_sources"]

SOURCES = Path(__file__).with_name("data_sources.toml")
ATTEMPTS = 4
TIMEOUT_SECONDS = 30.0
_CHUNK = 1 << 16

Sleep = Callable[[float], None]


class FetchError(Exception):
    """A table could not be had."""

    exit_code = 3


class OtherBytesError(FetchError):
    """A file has other bytes than declared."""

    exit_code = 4


class SourcesError(FetchError):
    """The addresses, or what was asked for, cannot be used."""

    exit_code = 2


@dataclass(frozen=True)
class Table:
    """A file as it is declared.

    Attributes
    ----------
    name : str
        Of the file, without folders.
    size : int
        Bytes.
    sha256 : str
        64 hexadecimal digits.
    urls : tuple of str
        http or https, tried in this order.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


def read_sources(path: Path) -> dict[str, Table]:
    """Return the declared tables by name.

    Raises
    ------
    SourcesError
        If the file cannot be read, or an entry is incomplete or not what it should be.

    Examples
    --------
    >>> read_sources(SOURCES)["megaline_plans.csv"].size
    200
    """
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SourcesError(f"{path}: {error}; it must be a TOML file of tables.") from error
    return {name: _table(path, name, entry) for name, entry in declared.items()}


def _table(path: Path, name: str, entry: Any) -> Table:
    wanted = {"size": int, "sha256": str, "urls": list}
    if not isinstance(entry, dict) or {key: type(value) for key, value in entry.items()} != wanted:
        raise SourcesError(f"{path}: [{name!r}] must hold size, sha256 and urls, and nothing else.")
    table = Table(name, entry["size"], entry["sha256"], tuple(entry["urls"]))
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) or table.size < 1:
        raise SourcesError(f"{path}: [{name!r}] is not a plain file name, or its size is not positive.")
    if not re.fullmatch(r"[0-9a-f]{64}", table.sha256):
        raise SourcesError(f"{path}: [{name!r}] sha256 must be 64 hexadecimal digits in lower case.")
    if not table.urls or any(urlsplit(str(url)).scheme not in {"http", "https"} for url in table.urls):
        raise SourcesError(f"{path}: [{name!r}] urls must name at least one http or https address, and no other.")
    return table


def fetch(table: Table, folder: Path, *, attempts: int = ATTEMPTS, sleep: Sleep = time.sleep) -> str:
    """Bring one table into a folder; what was loaded before a break is kept beside it and continued.

    Parameters
    ----------
    table : Table
    folder : Path
        Made where it is missing.
    attempts : int
        For each address, >= 1.
    sleep : callable
        Waits a number of seconds between two attempts.

    Returns
    -------
    str
        `there already` or `fetched`.

    Raises
    ------
    OtherBytesError
        If the file in the folder, or what every address answers, has other bytes than declared; nothing is written.
    FetchError
        If no address answers with the whole file.
    """
    target, part = folder / table.name, folder / f".{table.name}.part"
    if target.exists():
        if _sha256(target) == table.sha256:
            return "there already"
        raise OtherBytesError(f"{target}: its sha256 is not the declared one; move the file away and run this again.")
    folder.mkdir(parents=True, exist_ok=True)
    failures: list[FetchError] = []
    for url in table.urls:
        try:
            _download(table, url, part, attempts, sleep)
        except FetchError as error:
            failures.append(error)
            continue
        part.replace(target)
        return "fetched"
    other = [error for error in failures if isinstance(error, OtherBytesError)]
    kind = OtherBytesError if len(other) == len(failures) else FetchError
    raise kind("; ".join(str(error) for error in failures))


def _download(table: Table, url: str, part: Path, attempts: int, sleep: Sleep) -> None:
    """Fill `part` with the declared bytes; on return they are on the disk."""
    last = ""
    for attempt in range(attempts):
        if attempt:
            sleep(2.0 ** (attempt - 1))
        try:
            last = _attempt(table, url, part)
        except urllib.error.HTTPError as error:
            error.close()
            last = str(error)
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
            elif error.code < http.client.INTERNAL_SERVER_ERROR:
                break  # asking again will not help
        except (OSError, http.client.HTTPException) as error:
            last = f"{type(error).__name__}: {error}"
        if not last:
            return
    raise FetchError(f"{table.name}: {url}: {last}; run this again to continue, or correct the address.")


def _attempt(table: Table, url: str, part: Path) -> str:
    """Ask once, for what is missing; return what is wrong, nothing where `part` is whole."""
    begun = part.stat().st_size if part.exists() else 0
    if begun < table.size:
        _receive(table, url, part, begun)
    loaded = part.stat().st_size
    if loaded < table.size:
        return f"the answer ended after {loaded:,} of {table.size:,} bytes"
    if _sha256(part) == table.sha256:
        return ""
    part.unlink()
    if not begun:
        raise OtherBytesError(f"{table.name}: {url} answers with other bytes than declared; refused.")
    return "what was kept of an earlier download did not fit, and was dropped"


def _receive(table: Table, url: str, part: Path, begun: int) -> None:
    """Ask for what is missing and append it; a server that sends everything starts the file anew."""
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - read_sources lets only http and https pass
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        continued = answer.status == http.client.PARTIAL_CONTENT and _starts_at(answer.headers, begun)
        with part.open("ab" if continued else "wb") as file:
            written = begun if continued else 0
            while chunk := answer.read(_CHUNK):
                written += len(chunk)
                if written > table.size:
                    file.close()
                    part.unlink()
                    raise OtherBytesError(f"{table.name}: {url} answers with more than {table.size:,} bytes; refused.")
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())


def _starts_at(headers: Mapping[str, str], begun: int) -> bool:
    return re.match(rf"bytes {begun}-", headers.get("Content-Range", "")) is not None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what was asked for, one line for each table; return the exit code, the largest where several failed."""
    options = _parser().parse_args(arguments)
    try:
        folder = _folder(options.dest)
        tables = _chosen(read_sources(options.sources), options.only)
    except SourcesError as error:
        print(f"fetch_data: {error}", file=sys.stderr)
        return error.exit_code
    code = 0
    for table in tables:
        try:
            print(f"{table.name}: {fetch(table, folder, attempts=options.attempts)}")
        except FetchError as error:
            print(f"fetch_data: {error}", file=sys.stderr)
            code = max(code, error.exit_code)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fetch_data", description="Get the public tables, checked by sha256.")
    parser.add_argument("--dest", type=Path, help="folder to fill; else the one that PORTFOLIO_DATA names")
    parser.add_argument("--only", action="append", metavar="NAME", help="this table and no other; repeatable")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="TOML file of names, sha256 and addresses")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="for each address (default: %(default)s)")
    return parser


def _folder(dest: Path | None) -> Path:
    named = dest or os.environ.get("PORTFOLIO_DATA")
    if not named:
        raise SourcesError("no folder to fill: give --dest FOLDER, or set PORTFOLIO_DATA.")
    return Path(named)


def _chosen(tables: Mapping[str, Table], only: Sequence[str] | None) -> list[Table]:
    unknown = sorted(set(only or ()) - set(tables))
    if unknown:
        raise SourcesError(f"--only: {unknown} not declared; known: {sorted(tables)}.")
    return [table for name, table in tables.items() if not only or name in only]


if __name__ == "__main__":
    sys.exit(main())
