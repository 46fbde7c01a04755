"""What the mirror is made to hold: one MLflow run for each of ours, one model version for each bundle, two aliases.

Every step looks before it creates, by a tag that is written together with what is created; so a sync may end anywhere
and be begun again. Only aggregates are sent: figures, settings, digests, the card and the pictures of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from common_utils.bundle import fingerprint_bytes
from common_utils.tracking.mlflow_door import artifact_place
from common_utils.tracking.run import RunRecord
from common_utils.tracking.store import RunStore

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

__all__ = ["BUNDLE_TAG", "MANIFEST_TAG", "RUN_TAG", "Mirror"]

RUN_TAG = "portfolio.run"
"""Tag of an MLflow run: which of ours it mirrors."""
BUNDLE_TAG = "bundle_version"
MANIFEST_TAG = "manifest_sha256"
"""Tags of a model version: which bundle it is, and the sha256 of its manifest."""

_MIRRORED_TAG = "portfolio.mirrored"  # digest of the record; written last, so that it says that all before it is there
_MOST_PARAMS, _MOST_METRICS = 100, 1000  # of one request, as MLflow allows
_LONGEST_PARAM = 6000
_ENDS = {"done": "FINISHED", "failed": "FAILED", "running": "KILLED"}

T = TypeVar("T")


class Mirror:
    """A project's runs and bundles in MLflow.

    Parameters
    ----------
    client : MlflowClient
        As `mlflow_door.opened` yields it.
    project : str
        Name of the experiment, and of the registered model.
    url : str
        As configured.
    store : RunStore
        Where the files of runs lie.
    """

    def __init__(self, client: MlflowClient, project: str, url: str, store: RunStore) -> None:
        self._client, self._project, self._store = client, project, store
        found = client.get_experiment_by_name(project)
        self._experiment: str = (
            client.create_experiment(project, artifact_location=artifact_place(url, store.folder))
            if found is None
            else found.experiment_id
        )

    def push(self, run: RunRecord) -> str:
        """Bring a run that ended, or was lost, into the mirror, and return its id there; safe to repeat.

        Raises
        ------
        DataError
            If a file of the run was changed.
        """
        digest = fingerprint_bytes(run.model_dump_json().encode())
        mirrored = self._one_run(run)
        if mirrored.data.tags.get(_MIRRORED_TAG) != digest:
            self._fill(mirrored.info.run_id, run)
            self._client.set_tag(mirrored.info.run_id, _MIRRORED_TAG, digest)
        if mirrored.info.status != _ENDS[run.state]:
            self._client.set_terminated(mirrored.info.run_id, _ENDS[run.state], _ended(run))
        return mirrored.info.run_id

    def register(self, version: str, manifest_sha256: str, mirrored: str | None = None) -> str:
        """Return the number of the model version that stands for a bundle, made if there is none; safe to repeat.

        Parameters
        ----------
        version, manifest_sha256 : str
            Of the bundle.
        mirrored : str, optional
            The MLflow run that it came of.
        """
        wanted = f"name = '{self._project}' and tags.`{MANIFEST_TAG}` = '{manifest_sha256}'"
        found = sorted(self._client.search_model_versions(wanted), key=lambda one: int(one.version))
        for other in found[1:]:  # made by a request whose answer was lost, and then again
            self._client.delete_model_version(self._project, other.version)
        if found:
            return str(found[0].version)
        self._known_model()
        made = self._client.create_model_version(
            self._project,
            # Not a path: a server refuses those, and what a service opens is never found through MLflow.
            source=f"bundle://{self._project}/{version}",
            run_id=mirrored,
            tags={BUNDLE_TAG: version, MANIFEST_TAG: manifest_sha256},
            description=f"Bundle {version}; its card is the run's model_card.md.",
            await_creation_for=0,
        )
        return str(made.version)

    def point(self, alias: str, number: str | None) -> tuple[str | None, str | None]:
        """Let an alias name a version, or none, and return what it named before and names now."""
        before = self._aliases().get(alias)
        if before != number:
            if number is None:
                self._client.delete_registered_model_alias(self._project, alias)
            else:
                self._client.set_registered_model_alias(self._project, alias, number)
        return before, number

    def _aliases(self) -> dict[str, str]:
        models = self._client.search_registered_models(f"name = '{self._project}'")
        return {name: str(version) for model in models for name, version in model.aliases.items()}

    def _known_model(self) -> None:
        if not self._client.search_registered_models(f"name = '{self._project}'"):
            self._client.create_registered_model(self._project, description="Bundles; what is live is told by release.")

    def _one_run(self, run: RunRecord) -> MlflowRun:
        """Return the MLflow run of one of ours: the one that is there, else a new one."""
        found = list(self._client.search_runs([self._experiment], f"tags.`{RUN_TAG}` = '{run.run}'"))
        found.sort(key=lambda one: (_MIRRORED_TAG not in one.data.tags, one.info.run_id))
        for other in found[1:]:  # made by a request whose answer was lost, and then again
            self._client.delete_run(other.info.run_id)
        if found:
            return found[0]
        began = int(run.started.timestamp() * 1000)
        return self._client.create_run(self._experiment, began, tags={RUN_TAG: run.run, **_tags(run)}, run_name=run.run)

    def _fill(self, mirrored: str, run: RunRecord) -> None:
        from mlflow.entities import Param

        params = [Param(name, _fitting(value)) for name, value in run.settings.items()]
        for some in _batches(params, _MOST_PARAMS):
            self._client.log_batch(mirrored, params=some)
        for some in _batches(list(_metrics(run)), _MOST_METRICS):
            self._client.log_batch(mirrored, metrics=some)
        for name in run.files:
            self._client.log_artifact(mirrored, str(self._store.file(run, name)), _folder(name))


def _tags(run: RunRecord) -> dict[str, str]:
    said = {
        "portfolio.kind": run.kind,
        "portfolio.error": run.error,
        "portfolio.snapshot": run.snapshot,
        "portfolio.data_fingerprint": run.data_fingerprint,
        "portfolio.python": run.code.python,
        "mlflow.source.git.commit": run.code.git_commit or "",
        **{f"portfolio.library.{name}": version for name, version in run.code.libraries.items()},
    }
    if run.bundle is not None:
        said |= {BUNDLE_TAG: run.bundle.version, MANIFEST_TAG: run.bundle.manifest_sha256}
    return {name: value for name, value in said.items() if value}


def _metrics(run: RunRecord) -> Iterator[Metric]:
    """Yield every figure, its ends beside it, and those by fold as steps; a number sent twice is one, by its time."""
    from mlflow.entities import Metric

    at = _ended(run)
    for name, figure in run.figures.items():
        ends: dict[str, float | None] = {"": figure.value, ".low": figure.low, ".high": figure.high}
        yield from (Metric(name + end, value, at, 0) for end, value in ends.items() if value is not None)
    for name, values in (run.folds.figures if run.folds else {}).items():
        yield from (Metric(f"by_fold.{name}", value, at, step) for step, value in enumerate(values))
    if run.cost is not None:
        yield from (Metric(f"cost.{name}", value, at, 0) for name, value in run.cost.model_dump().items())


def _ended(run: RunRecord) -> int:
    """Return when a run ended, in ms of the epoch; of a lost one, when it began."""
    seconds = 0.0 if run.cost is None else run.cost.wall_seconds
    return int((run.started + timedelta(seconds=seconds)).timestamp() * 1000)


def _fitting(value: str) -> str:
    """Return a setting as it is, or the digest of one that is too long for a parameter."""
    return value if len(value) <= _LONGEST_PARAM else f"sha256 {fingerprint_bytes(value.encode())}"


def _folder(name: str) -> str | None:
    """Return where a file goes in the mirror: pictures apart, the card on top."""
    return "figures" if Path(name).suffix == ".png" else None


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
