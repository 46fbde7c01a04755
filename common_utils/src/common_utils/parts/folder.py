"""A folder that the parts of a run are written to, by one job or by many: each whole, with a manifest, `_SUCCESS` last.

Beside `part-00.parquet` to `part-63.parquet` lies `_manifest/`: of each part what was asked, the SHA-256 of its files,
its account, and the rows that were rejected. A part whose manifest is there is never computed again, so that a run that
was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import file_digest, sha256
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
_SAID = ("part", "asked", "sha256", "account")  # of a part, in its manifest


@dataclass(frozen=True, slots=True)
class PartFolder:
    """The folder of a run.

    Attributes
    ----------
    path : Path
    asked : mapping of str to str
        What the answers depend on, by a name that people know: digests of table, rate card and rules, the question.
        Parts of another question do not mix with these.
    beside : mapping of str to Path
        Folders of further outputs by name; a part has a file in each.

    Examples
    --------
    >>> import tempfile
    >>> folder = PartFolder(Path(tempfile.mkdtemp()), {"the table": "1f00"})
    >>> folder.begin()
    >>> _ = folder.part(3).write_bytes(b"rows")
    >>> folder.keep(3, folder.digests(3), {"rows": 1})
    >>> list(folder.kept()), folder.part(3).name
    ([3], 'part-03.parquet')
    """

    path: Path
    asked: Mapping[str, str]
    beside: Mapping[str, Path] = field(default_factory=dict)

    def part(self, number: int, output: str = "") -> Path:
        """Return the file of a part, of the answers or of a further output."""
        return (self.beside[output] if output else self.path) / f"part-{number:02d}.parquet"

    def rejects(self, number: int) -> Path:
        """Return the file of the rows of a part that were rejected; where none was, it is not there."""
        return self.path / _MANIFESTS / f"rejects-{number:02d}.parquet"

    def digests(self, number: int) -> dict[str, str]:
        """Return the SHA-256 of the files of a part by their names in the manifest."""
        return {name: sha256_of(path) for name, path in self._files(number).items() if path.exists()}

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """Yield a hidden folder for files of this job; it goes with the block, and that of a killed job goes first.

        Examples
        --------
        >>> import tempfile
        >>> folder = PartFolder(Path(tempfile.mkdtemp()), {"the table": "1f00"})
        >>> with folder.scratch() as place:
        ...     place.is_dir()
        True
        >>> list(folder.path.iterdir())
        []
        """
        for left in self.path.glob(f"{_SCRATCH}*"):
            with suppress(OSError), (left / _LOCK).open("r+b") as file:  # locked by a job that goes on
                flock(file, LOCK_EX | LOCK_NB)
                rmtree(left)
        with ExitStack() as stack:
            place = Path(stack.enter_context(TemporaryDirectory(dir=self.path, prefix=_SCRATCH)))
            while not _is_locked(place, stack):  # another job took it for a dead one's before it was locked
                place = Path(stack.enter_context(TemporaryDirectory(dir=self.path, prefix=_SCRATCH)))
            yield place

    def begin(self) -> None:
        """Make the folders, or see that what they hold is of this run; take away what a killed run left.

        Raises
        ------
        ConfigError
            If they hold files that are none of this run's parts, or a part of another question.
        DataError
            If they cannot be made.
        """
        with self._trusted():
            self.left()
        for folder in (self.path, *self.beside.values()):
            with blamed(folder):
                folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(folder)
        with blamed(self.path):
            (self.path / _MANIFESTS).mkdir(exist_ok=True)
        remove_unfinished(self.path / _MANIFESTS)
        if not self.complete:  # a part was taken away
            self._withdraw()

    def left(self, numbers: Iterable[int] = range(PARTS)) -> list[int]:
        """Return which parts are still to be computed; nothing is written.

        Parameters
        ----------
        numbers : iterable of int
            Parts to look for.

        Raises
        ------
        ConfigError, DataError
            As `begin`, or if a manifest cannot be read.
        """
        self._refuse_strangers()
        for number in range(PARTS):
            self._refuse_other(number)
        return [number for number in numbers if not self._manifest_path(number).exists()]

    def kept(self, numbers: Iterable[int] = range(PARTS)) -> dict[int, Mapping[str, Any]]:
        """Return what was kept of each part that is whole: by its number the account that was given to `keep`.

        Parameters
        ----------
        numbers : iterable of int
            Parts to look at.

        Raises
        ------
        DataError
            If a part is not what its manifest says.
        """
        with self._trusted():
            return {number: said["account"] for number in numbers if (said := self._checked(number)) is not None}

    @property
    def complete(self) -> bool:
        """Whether every part has its manifest."""
        return all(self._manifest_path(number).exists() for number in range(PARTS))

    def keep(self, number: int, digests: Mapping[str, str], account: Mapping[str, Any]) -> None:
        """Say that a part is whole.

        Parameters
        ----------
        number : int
        digests : mapping of str to str
            As `digests`, worked out where the files were written.
        account : mapping
            Plain values; what is needed of it to sum up the run.
        """
        said = {"part": number, "asked": dict(self.asked), "sha256": dict(digests), "account": account}
        said = json.loads(json.dumps(said))  # as it is read again
        sealed = {**said, "checksum": _checksum(said)}
        write_bytes(self._manifest_path(number), json.dumps(sealed, sort_keys=True).encode() + b"\n")

    def succeed(self, about: Mapping[str, Any]) -> None:
        """Write the manifest of the whole, and `_SUCCESS` after it; once all parts are kept.

        Parameters
        ----------
        about : mapping
            What is said of the whole run, as plain values.
        """
        digests: dict[str, str] = {}
        for number in range(PARTS):
            said = self._manifest(number)
            digests |= {} if said is None else said["sha256"]
        whole = {"asked": dict(self.asked), **about, "sha256": digests}
        write_bytes(self.path / _WHOLE, json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n")
        for folder in (*self.beside.values(), self.path):
            write_bytes(folder / SUCCESS, b"")

    def _checked(self, number: int) -> Mapping[str, Any] | None:
        """Return the manifest of a part whose files are what it says."""
        said = self._manifest(number)
        if said is None:
            return None
        if said["part"] != number:
            raise self._damaged(
                number, f"part {number}: its manifest is of part {said['part']}, whose subscribers would be in two"
            )
        digests, files = self.digests(number), self._files(number)
        changed = [name for name in files if digests.get(name) != said["sha256"].get(name)]
        if changed:
            raise self._damaged(number, f"{files[changed[0]]}: not the file that its manifest names")
        return said

    def _damaged(self, number: int, what: str) -> DataError:
        return DataError(f"{what}; delete {self._manifest_path(number)}, and the part is computed again.")

    @contextmanager
    def _trusted(self) -> Generator[None]:
        """Take away the word that every part is there, if the block finds that one is not whole."""
        try:
            yield
        except DataError:
            self._withdraw()
            raise

    def _withdraw(self) -> None:
        """Take away the word that every part is there."""
        for folder in (self.path, *self.beside.values()):
            with suppress(OSError):  # where nothing can be deleted, nothing can be written either: that is told
                (folder / SUCCESS).unlink(missing_ok=True)

    def _files(self, number: int) -> dict[str, Path]:
        answers = self.part(number)
        further = {f"{name}/{answers.name}": self.part(number, name) for name in self.beside}
        rejects = self.rejects(number)
        return {answers.name: answers, **further, f"{_MANIFESTS}/{rejects.name}": rejects}

    def _refuse_strangers(self) -> None:
        """Refuse folders that hold anything but this run's: parts that no manifest speaks for are another's."""
        shown: dict[Path, list[str]] = {}
        for folder in (*self.beside.values(), self.path):  # the last shows what another job began by then
            names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            shown[folder] = [name for name in names if not name.startswith(".")]
        begun = _MANIFESTS in shown[self.path]
        for folder, names in shown.items():
            own = (_MANIFESTS, _WHOLE) if folder == self.path else ()
            others = [name for name in names if not begun or not (name in own or _is_part(name))]
            if others:
                raise ConfigError(
                    f"{folder} holds {others[:3]}, no part of this run; name a folder that is new or empty."
                )

    def _refuse_other(self, number: int) -> None:
        said = self._manifest(number)
        asked = {} if said is None else said["asked"]
        names = dict.fromkeys((*self.asked, *asked))
        other = [name for name in names if asked.get(name) != self.asked.get(name)]
        if said is not None and other:
            verb = "differs" if len(other) == 1 else "differ"
            raise ConfigError(
                f"{self.path} holds part {number} of another run: {' and '.join(other)} {verb}. Name another folder, "
                "or empty it."
            )

    def _manifest_path(self, number: int) -> Path:
        return self.path / _MANIFESTS / f"part-{number:02d}.json"

    def _manifest(self, number: int) -> Mapping[str, Any] | None:
        path = self._manifest_path(number)
        try:
            found = json.loads(path.read_bytes())
            said = {name: found[name] for name in _SAID}
            if found["checksum"] != _checksum(said):
                raise ValueError(path)
            return said
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(number, f"{path}: cannot be read, or was changed by hand") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or one of all the files of a folder and their names.

    Examples
    --------
    >>> sha256_of(Path("/dev/null"))[:8]
    'e3b0c442'
    """
    if path.is_dir():
        whole = sha256()
        for one in sorted(one for one in path.rglob("*") if one.is_file()):
            whole.update(f"{one.relative_to(path)}\0{sha256_of(one)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _is_locked(place: Path, stack: ExitStack) -> bool:
    """Lock a folder until the stack ends; say whether it is still there."""
    file = stack.enter_context((place / _LOCK).open("wb"))
    with suppress(OSError):  # a file system without locks: then nobody can take it for a dead job's either
        flock(file, LOCK_EX)
    return (place / _LOCK).exists()


def _checksum(said: Mapping[str, Any]) -> str:
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _is_part(name: str) -> bool:
    """Tell whether a name is one that a run writes into each of its folders."""
    parts = (f"part-{number:02d}.parquet" for number in range(PARTS))
    return name == SUCCESS or name.removesuffix(".manifest.json") in parts
