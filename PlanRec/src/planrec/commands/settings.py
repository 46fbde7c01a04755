"""The settings a command runs with, and what was said of them for this run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from common_utils.config import resolve_path
from common_utils.config.project import DEFAULT_CONFIG
from common_utils.decision_log.recorder import Recorder, open_recorder
from planrec.bundle import PlanRecBundle, SaidSettings, open_configured
from planrec.commands.requests import SettingsRequest
from planrec.config import SPEC, AdviceConfig, PlanRecConfig, load_planrec_config

__all__ = ["Run", "advice_settings", "decision_recorder", "load_run"]


@dataclass(frozen=True)
class Run:
    """What a command runs with.

    Attributes
    ----------
    said : SaidSettings
        The settings at hand, and which were said by `--set` or the environment.
    project : Path
        Folder that relative paths count from.
    """

    said: SaidSettings
    project: Path

    @property
    def config(self) -> PlanRecConfig:
        """The settings at hand."""
        return self.said.config

    def path(self, path: Path) -> Path:
        """Return a path of the settings as seen from the project."""
        return resolve_path(self.project, path)

    def open_bundle(self, path: Path | None) -> PlanRecBundle:
        """Open the bundle that `--bundle` names, else the configured one.

        Raises
        ------
        ArtifactError, ConfigError
            As `planrec.bundle.open_configured`.
        """
        return open_configured(self.said, self.project, path)


def load_run(request: SettingsRequest) -> Run:
    """Load the settings that a command line asks for.

    Raises
    ------
    ConfigError
        As `load_planrec_config`.
    """
    project = SPEC.folder(request.config)
    config = load_planrec_config(project, explicit=request.config, overrides=request.overrides)
    return Run(SaidSettings.of(config, request.overrides), project)


def advice_settings(request: SettingsRequest) -> tuple[AdviceConfig, Path | None]:
    """Return the configured weights and rule file; defaults where nothing asks for settings and no file lies here."""
    if not _has_settings(request):
        return AdviceConfig(), None
    run = load_run(request)
    return run.config.advice, run.config.rules and run.path(run.config.rules)


def decision_recorder(request: SettingsRequest) -> Recorder | None:
    """Return the configured decision log; None where it is off, and outside a project: nothing says where it lies."""
    if not _has_settings(request):
        return None
    run = load_run(request)
    return open_recorder(run.config.decisions, SPEC.name, run.project)


def _has_settings(request: SettingsRequest) -> bool:
    from_environment = any(name.upper().startswith((SPEC.config_variable, f"{SPEC.prefix}__")) for name in os.environ)
    return request != SettingsRequest() or from_environment or DEFAULT_CONFIG.exists()
