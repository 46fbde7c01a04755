"""The wiring that every project's service repeats: which bundle is opened, with which settings, and what follows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from fastapi import APIRouter, FastAPI

from common_utils.config import resolve_path
from common_utils.config.project import ProjectSpec
from common_utils.serving.app import Settings, create_service
from common_utils.serving.config import ServiceConfig
from common_utils.serving.decisions.events import DecisionSink, LogPlace
from common_utils.serving.follower import PointerFollower
from common_utils.serving.model_slot import Model, ModelSlot

__all__ = ["ProjectService", "ServedSettings"]


class _Training(Protocol):
    @property
    def artifacts(self) -> Path: ...


class _Releases(Protocol):
    @property
    def follow_seconds(self) -> float: ...


class ServedSettings(Protocol):
    """What is needed of a project's settings."""

    @property
    def serving(self) -> ServiceConfig:
        """Limits, access, address."""
        ...

    @property
    def training(self) -> _Training:
        """Where bundles lie."""
        ...

    @property
    def releases(self) -> _Releases:
        """How often the pointer is looked at."""
        ...


Given = TypeVar("Given", bound=ServedSettings)


@dataclass(frozen=True)
class ProjectService(Generic[Given, Model]):
    """A project's service before it is started; nothing is opened yet.

    Attributes
    ----------
    spec : ProjectSpec
    folder : Path
        The project's.
    slot : ModelSlot
        Where the routes find the live model; empty.
    load : callable
        Returns the settings, read anew each time.
    opener : callable
        From the settings, returns what opens a bundle: a path to a model.
    probe : callable
        Asks the model for one answer and raises if that is wrong.
    model_info : callable
        What `GET /model` tells.
    """

    spec: ProjectSpec[Any]
    folder: Path
    slot: ModelSlot[Model]
    load: Callable[[], Given]
    opener: Callable[[Given], Callable[[Path], Model]]
    probe: Callable[[Model], None]
    model_info: Callable[[Model], Mapping[str, Any]]

    def create(
        self,
        routes: Sequence[APIRouter],
        *,
        version: str,
        open_model: Callable[[], Model] | None = None,
        log: LogPlace[Any] | None = None,
        open_log: Callable[[], DecisionSink | None] = lambda: None,
        beside: Callable[[], Callable[[], None]] | None = None,
    ) -> FastAPI:
        """Return the app.

        Parameters
        ----------
        routes : sequence of APIRouter
            The project's own.
        version : str
            Of the service.
        open_model : callable, optional
            Opens what the service answers with; by default the bundle that `<NAME>_BUNDLE` names, or the current one
            of the configured artifacts folder, whose pointer is then followed.
        log, open_log, beside
            As in `create_service`.
        """
        configured = open_model is None
        return create_service(
            title=self.spec.title,
            version=version,
            description=self.spec.question,
            slot=self.slot,
            loader=open_model or self._open_configured,
            probe=self.probe,
            model_info=self.model_info,
            routes=routes,
            follow=self._follower if configured else lambda: None,
            settings=self._settings if configured else None,
            log=log,
            open_log=open_log,
            beside=beside,
        )

    def _settings(self) -> Settings:
        return Settings.of(self.load().serving, self.folder)

    def _path(self, settings: Given) -> Path:
        named = os.environ.get(self.spec.bundle_variable)
        return Path(named) if named else resolve_path(self.folder, settings.training.artifacts)

    def _open_configured(self) -> Model:
        settings = self.load()
        return self.opener(settings)(self._path(settings))

    def _follower(self) -> PointerFollower[Model] | None:
        settings = self.load()
        seconds = settings.releases.follow_seconds
        if not seconds:
            return None
        return PointerFollower(
            self.slot, self._path(settings), self.opener(settings), self.probe, interval_seconds=seconds
        )
