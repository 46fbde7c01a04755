"""The place of the live model: load, verify, probe, then switch, so that a bad candidate never replaces a good one."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Generic, Literal, Protocol, TypeVar

from common_utils.errors import ArtifactError, ConfigError, NotReadyError
from common_utils.serving.tracebacks import redacted_traceback

__all__ = ["FailureReason", "ModelNotReadyError", "ModelSlot", "PointerFault", "SlotState", "Versioned"]

FailureReason = Literal["bundle_refused", "config_refused", "unreadable", "out_of_memory", "probe_failed", "unexpected"]
"""Why a candidate was not taken: a closed set, so that it can label a metric."""

PointerFault = Literal["root_missing", "pointer_missing", "pointer_unreadable", "version_missing"]
"""What keeps the pointer from leading to the version that should be live."""

SlotState = Literal["starting", "ready", "failed", "draining"]
"""What a load balancer should know: only `ready` takes new traffic."""

logger = logging.getLogger(__name__)


class Versioned(Protocol):
    """Anything that can be live: it only has to say which version it is."""

    @property
    def version(self) -> str:
        """Name of the version, as in the bundle's folder."""
        ...


Model = TypeVar("Model", bound=Versioned)


class ModelNotReadyError(NotReadyError):
    """No verified model is live; `reason` is the last failure's code, or `starting`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No verified model is live ({reason}); ask /ready and try again.")
        self.reason = reason


class ModelSlot(Generic[Model]):
    """Hold the one live model and the record of what was refused.

    Reading is one attribute access, so a request that calls `get` once is answered by exactly one version
    even while another thread switches.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> slot: ModelSlot[SimpleNamespace] = ModelSlot()
    >>> slot.load(lambda: SimpleNamespace(version="v1"), probe=lambda model: None)
    True
    >>> slot.state, slot.get().version
    ('ready', 'v1')
    """

    def __init__(self) -> None:
        self._live: Model | None = None
        self._reason: FailureReason | Literal["starting"] = "starting"
        self._failures: Counter[FailureReason] = Counter()
        self._loads = 0
        self._expected: str | None = None
        self._pointer_fault: PointerFault | None = None
        self._draining = False
        self._predictions = 0
        self._loading = threading.Lock()
        self._counting = threading.Lock()

    @property
    def state(self) -> SlotState:
        """What `/ready` reports."""
        if self._draining:
            return "draining"
        if self._live is not None:
            return "ready"
        return "starting" if self._reason == "starting" else "failed"

    @property
    def reason(self) -> str:
        """The state or, when a load failed and nothing is live, why; a code without paths or values."""
        return self._reason if self.state == "failed" else self.state

    @property
    def live(self) -> Model | None:
        """The live model, if there is one."""
        return self._live

    @property
    def failures(self) -> Mapping[FailureReason, int]:
        """How many candidates were refused, by reason."""
        return dict(self._failures)

    @property
    def loads(self) -> int:
        """How many candidates went live."""
        return self._loads

    @property
    def predictions(self) -> int:
        """How many rows were predicted, by whichever version."""
        return self._predictions

    @property
    def behind(self) -> bool:
        """Whether another version is expected than the one that is live, or than none."""
        return self._expected is not None and (self._live is None or self._live.version != self._expected)

    @property
    def pointer_fault(self) -> PointerFault | None:
        """Why the pointer that is followed leads to no version; None where it does, or nothing is followed."""
        return self._pointer_fault

    def expect(self, version: str | None, fault: PointerFault | None = None) -> None:
        """Say which version should be live, None where nothing says so, and what is wrong with the pointer."""
        self._expected = version
        if fault != self._pointer_fault:
            self._pointer_fault = fault
            logger.log(logging.ERROR if fault else logging.INFO, "pointer: %s", fault or "names a version again")

    def get(self) -> Model:
        """Return the live model; a draining slot still answers what was already accepted.

        Raises
        ------
        ModelNotReadyError
            If no model passed its checks yet.
        """
        if self._live is None:
            raise ModelNotReadyError(self._reason)
        return self._live

    def count(self, rows: int) -> None:
        """Count rows that were predicted; from any thread."""
        with self._counting:
            self._predictions += rows

    def load(self, loader: Callable[[], Model], probe: Callable[[Model], None]) -> bool:
        """Load a candidate, let it answer a probe, and switch to it only then.

        Parameters
        ----------
        loader : callable
            Opens and verifies a bundle; one load runs at a time, a second waits.
        probe : callable
            Asks the candidate for an answer and raises if that is wrong.

        Returns
        -------
        bool
            Whether the candidate is live now. If not, what was live stays, `failures` counts the reason, and the
            log tells it. Nothing is raised: a model that cannot be opened must not take the process down.
        """
        with self._loading:
            stage: FailureReason | None = None
            try:
                candidate = loader()
                stage = "probe_failed"
                probe(candidate)
            except Exception as error:  # whatever a damaged bundle makes third-party code raise
                self._refuse(stage or _reason(error), error)
                return False
            self._live = candidate
            self._loads += 1
        logger.info("model %s is live", candidate.version)
        return True

    def drain(self) -> None:
        """Stop being ready, for good: the process is about to end."""
        self._draining = True

    def _refuse(self, reason: FailureReason, error: Exception) -> None:
        self._reason = reason
        self._failures[reason] += 1
        kept = "none" if self._live is None else self._live.version
        logger.error("model refused: %s; live: %s\n%s", reason, kept, redacted_traceback(error))


def _reason(error: Exception) -> FailureReason:
    match error:
        case ArtifactError():
            return "bundle_refused"
        case ConfigError():
            return "config_refused"
        case MemoryError():
            return "out_of_memory"
        case OSError():
            return "unreadable"
        case _:
            return "unexpected"
