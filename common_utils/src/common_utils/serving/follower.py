"""Follow the pointer of an artifacts root: when it moves, load, verify and probe the new bundle, then switch.

Looking costs one `readlink`. Whatever is wrong with a new bundle, the old one stays live: the slot counts the refusal,
and `model_behind` stays 1 until the live version is again the one the pointer names.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Generic

from common_utils.bundle.manifest import MANIFEST, is_version
from common_utils.bundle.pointer import POINTER
from common_utils.errors import PortfolioError
from common_utils.serving.model_slot import Model, ModelSlot, PointerFault

__all__ = ["LoaderThread", "PointerFollower"]

logger = logging.getLogger(__name__)


class PointerFollower(Generic[Model]):
    """Keep a slot at the version a pointer names.

    Parameters
    ----------
    slot : ModelSlot
        What the service answers from.
    root : Path
        An artifacts root. The folder of one bundle has no pointer: it is loaded if nothing is live, and that is all.
    open_model : callable
        Opens and verifies the bundle at a path.
    probe : callable
        Asks a loaded model for one answer and raises if that is wrong.
    interval_seconds : float
        Between two looks, > 0.
    retry_seconds : float
        After which a refused bundle is tried again: a disk that did not answer may do so later. >= 0.
    clock : callable
        Seconds that only grow.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> slot: ModelSlot[SimpleNamespace] = ModelSlot()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     follower = PointerFollower(
    ...         slot, Path(folder), lambda path: SimpleNamespace(version=path.name), probe=lambda model: None
    ...     )
    ...     Path(folder, "current").symlink_to("20261123T120102Z-1a2b3c4d5e6f")
    ...     follower.check(), follower.check(), slot.get().version
    (True, False, '20261123T120102Z-1a2b3c4d5e6f')
    """

    def __init__(
        self,
        slot: ModelSlot[Model],
        root: Path,
        open_model: Callable[[Path], Model],
        probe: Callable[[Model], None],
        *,
        interval_seconds: float = 1.0,
        retry_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slot = slot
        self._root = root
        self._open_model = open_model
        self._probe = probe
        self._interval = interval_seconds
        self._retry = retry_seconds
        self._clock = clock
        self._stopped = threading.Event()
        self._refused: str | None = None
        self._again_at = 0.0

    def check(self) -> bool:
        """Look once; return whether another version is live than before."""
        target = self._target()
        live = self._slot.live
        named = is_version(target)
        self._slot.expect(target if named else None, self._fault(target if named else None))
        if self._slot.state == "draining" or (live is not None and (target == live.version or not target)):
            self._refused = None
            return False
        if target == self._refused and self._clock() < self._again_at:
            return False
        # By its own name: were the pointer followed once more, it might have moved on.
        path = self._root / target if named else self._root
        switched = self._slot.load(lambda: self._open_model(path), self._probe)
        self._refused = None if switched else target
        self._again_at = self._clock() + self._retry
        return switched

    def run(self) -> None:
        """Look until `stop` is called; for a thread of its own, because loading takes long."""
        logger.info("following %s every %g s", POINTER, self._interval)
        while not self._stopped.is_set():
            self.check()
            self._stopped.wait(self._interval)

    def stop(self) -> None:
        """Let `run` return after what it is doing."""
        self._stopped.set()

    def _fault(self, named: str | None) -> PointerFault | None:
        """Say why the pointer leads to no version; the folder of one bundle needs none."""
        pointer = self._root / POINTER
        try:
            if named is not None:
                return None if (self._root / named).is_dir() else "version_missing"
            if os.path.lexists(self._root / MANIFEST):
                return None
            if not self._root.is_dir():
                return "root_missing"
            return "pointer_unreadable" if os.path.lexists(pointer) else "pointer_missing"
        except OSError:
            return "pointer_unreadable"

    def _target(self) -> str:
        # Anything but a link to a version is for the loader to refuse, in its own words.
        try:
            return str((self._root / POINTER).readlink())
        except OSError:
            return ""


class LoaderThread(threading.Thread, Generic[Model]):
    """Loads the first model of a service, then those the pointer moves to; a daemon.

    A loader that hangs on a dead disk must not keep a terminated process from ending.

    Parameters
    ----------
    slot : ModelSlot
        What the service answers from.
    loader, probe : callable
        For the one model of a service that follows nothing.
    follow : callable
        Returns the follower, which then loads the first model as well, or None.
    """

    def __init__(
        self,
        slot: ModelSlot[Model],
        loader: Callable[[], Model],
        probe: Callable[[Model], None],
        follow: Callable[[], PointerFollower[Model] | None],
    ) -> None:
        super().__init__(name="model-loader", daemon=True)
        self.first_done = threading.Event()
        self._slot, self._loader, self._probe, self._follow = slot, loader, probe, follow
        self._follower: PointerFollower[Model] | None = None
        self._stopped = False

    def run(self) -> None:
        """Load, say so by `first_done`, and follow."""
        try:
            self._follower = self._follow()
        except PortfolioError as error:
            self._slot.load(partial(_refuse, error), self._probe)  # counted and told like any other refusal
        else:
            if self._follower is None:
                self._slot.load(self._loader, self._probe)
            else:
                self._follower.check()
        finally:
            self.first_done.set()
        if self._follower is not None and not self._stopped:
            self._follower.run()

    def stop(self) -> None:
        """End following; a load that has begun is finished first."""
        self._stopped = True
        if self._follower is not None:
            self._follower.stop()


def _refuse(error: PortfolioError) -> Any:
    raise error
