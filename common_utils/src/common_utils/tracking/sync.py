"""One sync: what waits in the outbox goes to the mirror, and the aliases there follow our pointers.

Our history of releases is the truth; nothing is ever read back from the mirror.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common_utils.bundle import fingerprint_file, open_bundle
from common_utils.bundle.durable import exclusive, make_folder
from common_utils.bundle.manifest import MANIFEST
from common_utils.bundle.pointer import CHALLENGER, POINTER, pointed_version
from common_utils.bundle.signing import Trust
from common_utils.config import resolve_path
from common_utils.errors import DataError
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.mirror import Mirror
from common_utils.tracking.mlflow_door import opened
from common_utils.tracking.store import RunStore, is_lost

__all__ = ["ALIASES", "Alias", "Synced", "sync_runs"]

ALIASES = {"champion": POINTER, "challenger": CHALLENGER}
"""Each alias of the mirror, and the pointer it follows."""

_LOCK = ".sync.lock"


@dataclass(frozen=True)
class Alias:
    """An alias of the mirror after a sync.

    Attributes
    ----------
    name : str
    version : str or None
        The bundle our pointer names; None: there is no such pointer.
    before, now : str or None
        Number of the model version that it named before the sync, and names now.
    """

    name: str
    version: str | None
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Synced:
    """What a sync did.

    Attributes
    ----------
    runs : tuple of str
        Mirrored, and out of the outbox.
    running : tuple of str
        Have not ended yet, and stay in the outbox.
    refused : tuple of str
        Why a run could not be read; it stays in the outbox, and the others went on.
    aliases : tuple of Alias
    """

    runs: tuple[str, ...]
    running: tuple[str, ...]
    refused: tuple[str, ...]
    aliases: tuple[Alias, ...]


def sync_runs(
    config: TrackingConfig, project: str, folder: Path, artifacts: Path, trust: Trust, *, every: bool = False
) -> Synced:
    """Mirror every run of the outbox with its bundle, then set the aliases.

    Parameters
    ----------
    config : TrackingConfig
        With a url.
    project : str
        Name of the package: of the experiment and of the registered model.
    folder : Path
        The project's.
    artifacts : Path
        Root of the bundles.
    trust : Trust
        Whose signatures count for the bundles that the pointers name.
    every : bool
        Put all runs into the outbox first, those from before there was a url among them.

    Raises
    ------
    ConfigError
        If there is no url, or MLflow is not installed.
    MirrorError
        If the server or database cannot be reached, answers with an error or takes too long. What was mirrored until
        then is out of the outbox.
    ArtifactError
        If a pointer names no verified bundle; the runs are mirrored by then.
    """
    store = RunStore(resolve_path(folder, config.folder))
    with opened(config, folder) as client:
        make_folder(store.folder)
        with exclusive(store.folder / _LOCK):
            mirror = Mirror(client, project, config.url, store)
            if every:
                for name in store.names():
                    store.post(name)
            runs, running, refused = _emptied(store, mirror)
            aliases = tuple(_followed(mirror, alias, artifacts, pointer, trust) for alias, pointer in ALIASES.items())
    return Synced(tuple(runs), tuple(running), tuple(refused), aliases)


def _emptied(store: RunStore, mirror: Mirror) -> tuple[list[str], list[str], list[str]]:
    """Mirror what is in the outbox; return the runs that were, those that go on, and why others could not be read."""
    runs: list[str] = []
    running: list[str] = []
    refused: list[str] = []
    for name in store.posted():
        try:
            run = store.read(name)
            if run.state == "running" and not is_lost(run):
                running.append(name)
                continue
            mirrored = mirror.push(run)
        except DataError as error:
            refused.append(str(error))
            continue
        if run.bundle is not None:
            mirror.register(run.bundle.version, run.bundle.manifest_sha256, mirrored)
        store.delivered(name)
        runs.append(name)
    return runs, running, refused


def _followed(mirror: Mirror, alias: str, artifacts: Path, pointer: str, trust: Trust) -> Alias:
    """Let an alias name what a pointer names; a bundle that was never mirrored is registered, without a run."""
    version = pointed_version(artifacts, pointer)
    number = None
    if version is not None:
        bundle = open_bundle(artifacts / version, trust=trust)
        number = mirror.register(version, fingerprint_file(bundle.path / MANIFEST))
    before, now = mirror.point(alias, number)
    return Alias(alias, version, before, now)
