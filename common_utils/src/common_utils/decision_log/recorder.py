"""What a service holds of the decision log: keys, journal and objections. No database driver, no credentials of one."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from common_utils.config import resolve_path
from common_utils.config.project import ProjectSpec
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import (
    MARK_DIGITS,
    MARK_SIGN,
    OBJECTED,
    Fixed,
    decision_line,
    outcome_line,
)
from common_utils.decision_log.keeper import Keeper, keeper
from common_utils.decision_log.keys import Key, KeyRing, KeysUnavailableError, load_keys
from common_utils.decision_log.objections import Objections
from common_utils.identifiers import cleaned_id

__all__ = ["Recorder", "check_log", "check_log_settings", "open_batch_recorder", "open_objections", "open_recorder"]

logger = logging.getLogger(__name__)


class Recorder:
    """Turns what was answered into lines of the journal.

    Parameters
    ----------
    project : str
    keys : KeyRing
    journal : Journal
        Its durability says whether an answer waits for the disk (`waits`).
    objections : Objections
        Who is not to be known here.

    Examples
    --------
    >>> import tempfile
    >>> from common_utils.decision_log.keys import Key
    >>> folder = Path(tempfile.mkdtemp())
    >>> recorder = Recorder("demo", KeyRing((Key("k1", b"1" * 32),)), Journal(folder, 1 << 20))
    >>> event = recorder.event("crm", "order-17")
    >>> line = recorder.line(recorder.fixed("/predict", "choice", "v1"), event, answer=b"{}", asked=b"{}", subject="S1")
    >>> recorder.journal.append(line), len(event)
    (True, 32)
    """

    def __init__(
        self,
        project: str,
        keys: KeyRing,
        journal: Journal,
        *,
        objections: Objections | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.project = project
        self.keys = keys
        self.journal = journal
        self._objections = objections or Objections(journal.folder)
        self._clock = clock
        self._fixed: dict[tuple[str, ...], Fixed] = {}
        # What each line takes from the key in use, at hand: a line is made for every answer.
        self._key = f"{keys.current.name}."
        self._subject_mac, self._content_mac = keys.current.subject_mac, keys.current.content_mac
        self._event_mac, self._naming_mac = keys.event_mac, keys.naming_mac
        self._told_ns = 0
        self.waits = journal.to_disk

    @property
    def unlogged(self) -> Mapping[str, int]:
        """How many answers went out unlogged, by reason."""
        return {str(reason): count for reason, count in self.journal.unlogged.items()}

    async def keep(self, lines: bytes, count: int = 1) -> bool:
        """Write lines on the event loop as safely as the settings ask; say whether they are kept."""
        return self.journal.append(lines, count) and await self.journal.synced(count)

    def keep_now(self, lines: bytes, count: int = 1) -> bool:
        """Write likewise, in a thread."""
        return self.journal.append(lines, count) and (not self.waits or self.journal.synced_now(count))

    @property
    def journal_bytes(self) -> int:
        """How many bytes wait for the shipper."""
        return self.journal.bytes_held

    def close(self) -> None:
        """End the journal's segment."""
        self.journal.close()

    def event(self, client: str, name: str) -> str:
        """Return the id of the event that a client's Idempotency-Key or a request id names."""
        return self._event_mac(f"{client}\0{name}".encode())

    def draw(self, event: str) -> float:
        """Return a number in [0, 1) that belongs to an event."""
        return self.keys.draw(event)

    def objects(self, subject: str | None) -> bool:
        """Say whether a subject objected to offers and experiments."""
        return subject is not None and self._objections.holds(self.keys.subjects(self.project, subject))

    def fixed(self, route: str, mode: str, model: str, rules: str = "", card: str = "", snapshot: str = "") -> Fixed:
        """Return what all decisions of a route and a live model share; made once for each."""
        key = (route, mode, model, rules, card, snapshot)
        found = self._fixed.get(key)
        if found is None:
            if len(self._fixed) > 1000:  # versions that were live before
                self._fixed.clear()
            found = self._fixed[key] = Fixed(self.project, route, mode, model, rules, card, snapshot)
        return found

    def line(
        self,
        fixed: Fixed,
        event: str,
        *,
        answer: bytes,
        asked: bytes,
        subject: str | None = None,
        milliseconds: float = 0.0,
        propensity: float | None = None,
        groups: bytes = b"{}",
    ) -> bytes:
        """Return the line of a decision; of a subject who objected, without who it was and what counts in experiments.

        Parameters
        ----------
        fixed : Fixed
        event : str
        answer, asked, groups : bytes
            JSON of one line; of what was asked only a keyed digest is kept.
        subject : str, optional
            As the caller names the subject; only the keyed form is kept.
        milliseconds : float
        propensity : float, optional
        """
        objections, named = self._objections, None
        if (
            subject is not None
            and (objections.held or objections.clock() > objections.look_at)  # `any`, without a call
            and self.objects(subject)
        ):
            subject, propensity, groups, named = None, None, b"{}", MARK_SIGN + OBJECTED
        if subject is not None:
            text = f"{self.project}|{cleaned_id(subject)}".encode()  # `subject_text`, without a call
            named = self._key + self._subject_mac(text)
            if self._naming_mac is not None:
                named += MARK_SIGN + self._naming_mac(text)[:MARK_DIGITS]
        at_ms = self._clock() // 1_000_000
        digest = self._key + self._content_mac(asked)
        return decision_line(fixed, event, at_ms, named, milliseconds, propensity, groups, digest, answer)

    def keeper(self, fixed: Fixed) -> Keeper:
        """Return the quick way for answers of one route and one live model, which are deterministic."""
        return keeper(fixed, self.keys, self.journal, self._objections, self.objects, self._clock)

    def outcome(self, said: Mapping[str, Any]) -> bytes:
        """Return the line of an outcome; a subject in it is kept in its keyed form only."""
        kept = {name: value for name, value in said.items() if name != "subject"}
        if (subject := said.get("subject")) is not None:
            kept["subjects"] = list(self.keys.subjects(self.project, subject))
        self._told_ns = max(self._clock(), self._told_ns + 1)  # its own for each: what was told last counts
        return outcome_line(self._told_ns, kept)


def open_recorder(
    config: DecisionsConfig, project: str, folder: Path, *, environ: Mapping[str, str] | None = None
) -> Recorder | None:
    """Return what the settings ask for; None where decisions are not logged.

    Parameters
    ----------
    config : DecisionsConfig
    project : str
        Name of the package, such as `planrec`.
    folder : Path
        The project's.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        As `load_keys`, where keys were named. Where they only could not be made, answers go on unlogged.
    """
    if not config.log:
        return None
    place, most = resolve_path(folder, config.journal), int(config.journal_megabytes * 1_000_000)
    to_disk = config.durability == "disk"
    try:
        keys = load_keys(config, folder, environ=environ)
    except KeysUnavailableError as error:
        logger.error("%s Answers go on unlogged.", error)
        passing = KeyRing((Key("none", secrets.token_bytes(32)),))
        return Recorder(project, passing, Journal(place, most, refuse="no_keys"))
    return Recorder(project, keys, Journal(place, most, to_disk=to_disk))


def check_log(spec: ProjectSpec[Any], folder: Path) -> None:
    """See before a project's service is started that it can open the log its settings name.

    Raises
    ------
    ConfigError
        As `open_recorder`.
    """
    check_log_settings(spec.load(folder).decisions, folder)


def check_log_settings(config: DecisionsConfig, folder: Path) -> None:
    """See likewise, given the settings."""
    if config.log:
        with suppress(KeysUnavailableError):  # answers go on unlogged, and say so
            load_keys(config, folder)


def open_batch_recorder(config: DecisionsConfig, project: str, folder: Path) -> Recorder | None:
    """Return the log of a project's commands; None unless `decisions.batch` asks for it.

    Raises
    ------
    ConfigError
        As `open_recorder`.
    """
    return open_recorder(config, project, folder) if config.batch else None


def open_objections(
    config: DecisionsConfig, project: str, folder: Path, *, environ: Mapping[str, str] | None = None
) -> Callable[[str], bool] | None:
    """Return what says of a subject whether an objection lies on this host; None where nobody objected.

    An objection counts whether decisions are logged or not.

    Raises
    ------
    ConfigError
        As `load_keys`.
    """
    found = _Objecting(config, project, folder, environ)
    return found if found.any else None


class _Objecting:
    """Says of a subject whether they objected; in another process it reads objections and keys again by itself."""

    def __init__(
        self, config: DecisionsConfig, project: str, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self._said = (config, project, folder, environ)
        self._project = project
        self._objections = Objections(resolve_path(folder, config.journal))
        self.any = self._objections.any
        self._keys = load_keys(config, folder, environ=environ) if self.any else None

    def __call__(self, subject: str) -> bool:
        return self._keys is not None and self._objections.holds(self._keys.subjects(self._project, subject))

    def __reduce__(self) -> tuple[Any, ...]:
        return _Objecting, self._said
