"""A folder that the parts of a run are written to, by one job or by many: each whole, with a manifest, `_SUCCESS` last.

Beside `part-00.parquet` to `part-63.parquet` lies `_manifest/`, with the SHA-256 and the account of each part. A part
whose manifest is there is never computed again, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import file_digest
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from common_utils.errors import ConfigError, DataError
from common_utils.outputs import blamed, remove_unfinished, write_bytes
from common_utils.parts.hashing import PARTS

__all__ = ["SUCCESS", "PartFolder", "sha256_of"]

SUCCESS = "_SUCCESS"
_SCRATCH, _LOCK = ".rows-", "lock"
_MANIFESTS, _WHOLE = "_manifest", "_manifest.json"


@dataclass(frozen=True, slots=True)
class PartFolder:
    """The folder of a run.

    Attributes
    ----------
    path : Path
    asked : str
        Digest of the table and of what is asked of it: parts of another question do not mix with these.

    Examples
    --------
    >>> import tempfile
    >>> folder = PartFolder(Path(tempfile.mkdtemp()), "1f00")
    >>> folder.begin()
    >>> _ = folder.part(3).write_bytes(b"rows")
    >>> folder.keep(3, sha256_of(folder.part(3)), {"rows": 1})
    >>> list(folder.kept()), folder.part(3).name
    ([3], 'part-03.parquet')
    """

    path: Path
    asked: str

    def part(self, number: int) -> Path:
        """Return the file of a part."""
        return self.path / f"part-{number:02d}.parquet"

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """Yield a hidden folder for files of this job; it goes with the block, and that of a killed job goes first.

        Examples
        --------
        >>> import tempfile
        >>> folder = PartFolder(Path(tempfile.mkdtemp()), "1f00")
        >>> with folder.scratch() as place:
        ...     place.is_dir()
        True
        >>> list(folder.path.iterdir())
        []
        """
        for left in self.path.glob(f"{_SCRATCH}*"):
            with suppress(OSError), (left / _LOCK).open("rb") as file:  # locked by a job that goes on
                flock(file, LOCK_EX | LOCK_NB)
                rmtree(left)
        with TemporaryDirectory(dir=self.path, prefix=_SCRATCH) as name, Path(name, _LOCK).open("wb") as file:
            flock(file, LOCK_EX)
            yield Path(name)

    def begin(self) -> None:
        """Make the folder, or see that what it holds is of this run; take away what a killed run left.

        Raises
        ------
        ConfigError
            If it holds files that are none of this run's parts.
        DataError
            If it cannot be made.
        """
        with blamed(self.path):
            (self.path / _MANIFESTS).mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.path)
        ours = {_MANIFESTS, _WHOLE, SUCCESS, *(self.part(number).name for number in range(PARTS))}
        others = sorted(p.name for p in self.path.iterdir() if p.name not in ours and not p.name.startswith("."))
        if others:
            raise ConfigError(f"{self.path} holds {others[:3]}, no part of a run; name a folder that is new or empty.")
        if any(self._manifest(number) for number in range(PARTS)) and not any(
            self._of_this_run(number) for number in range(PARTS)
        ):
            raise ConfigError(
                f"{self.path} holds parts of another table, or of another question; name another folder, or empty it."
            )

    def kept(self) -> dict[int, Mapping[str, Any]]:
        """Return what was kept of each part that is whole: by its number the account that was given to `keep`.

        Raises
        ------
        DataError
            If a part is not what its manifest says.
        """
        found: dict[int, Mapping[str, Any]] = {}
        for number in range(PARTS):
            if (said := self._of_this_run(number)) is not None:
                path = self.part(number)
                if not path.exists() or sha256_of(path) != said["sha256"]:
                    raise DataError(
                        f"{path}: not the file that its manifest names; delete {self._manifest_path(number)}, and the "
                        "part is computed again."
                    )
                found[number] = said["account"]
        return found

    def keep(self, number: int, sha256: str, account: Mapping[str, Any]) -> None:
        """Say that a part is whole.

        Parameters
        ----------
        number : int
        sha256 : str
            Of its file.
        account : mapping
            Plain values; what is needed of it to sum up the run.
        """
        said = {"part": number, "asked": self.asked, "sha256": sha256, "account": account}
        write_bytes(self._manifest_path(number), json.dumps(said, sort_keys=True).encode() + b"\n")

    def succeed(self, about: Mapping[str, Any]) -> None:
        """Write the manifest of the whole, and `_SUCCESS` after it; once all parts are kept.

        Parameters
        ----------
        about : mapping
            What is said of the whole run, as plain values.
        """
        digests = {self.part(n).name: said["sha256"] for n in range(PARTS) if (said := self._of_this_run(n))}
        whole = {"asked": self.asked, **about, "sha256": digests}
        write_bytes(self.path / _WHOLE, json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n")
        write_bytes(self.path / SUCCESS, b"")

    def _manifest_path(self, number: int) -> Path:
        return self.path / _MANIFESTS / f"part-{number:02d}.json"

    def _manifest(self, number: int) -> Mapping[str, Any] | None:
        try:
            return json.loads(self._manifest_path(number).read_bytes())
        except (OSError, ValueError):
            return None

    def _of_this_run(self, number: int) -> Mapping[str, Any] | None:
        said = self._manifest(number)
        return said if said is not None and said.get("asked") == self.asked else None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a folder by name.

    Examples
    --------
    >>> sha256_of(Path("/dev/null"))[:8]
    'e3b0c442'
    """
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        return ",".join(f"{one.relative_to(path)}:{sha256_of(one)}" for one in files)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
