"""The settings a command runs with, and what was said of them for this run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common_utils.command_line.clashes import keep_settings
from common_utils.config import resolve_path
from common_utils.config.project import DEFAULT_CONFIG
from common_utils.config.reading import ReadingConfig
from common_utils.decision_log.recorder import Recorder, open_batch_recorder, open_objections
from planrec.bundle import PlanRecBundle, SaidSettings, open_configured
from planrec.commands.requests import SettingsCommand
from planrec.config import SPEC, AdviceConfig, PlanRecConfig, load_planrec_config
from planrec.months import RECENT_MONTHS

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = [
    "LoadedSettings",
    "advice_settings",
    "batch_recorder",
    "load_run",
    "objections_at_hand",
    "optional_run",
    "table_settings",
]


@dataclass(frozen=True)
class LoadedSettings:
    """What a command runs with.

    Attributes
    ----------
    said : SaidSettings
        The settings at hand, and which were said by `--set` or the environment.
    project : Path
        Folder that relative paths count from.
    stated : Reading or None
        What the command line says of tables, before the settings; None says nothing.
    """

    said: SaidSettings
    project: Path
    stated: Reading | None = None

    @property
    def config(self) -> PlanRecConfig:
        """The settings at hand."""
        return self.said.config

    @property
    def reading(self) -> Reading:
        """How a table of usage months is written: the command line over `data.table`."""
        table = self.config.data.table
        # A mapping of events says nothing of a file of usage months.
        return _said(self.stated).over(table if table.kind == "months" else table.model_copy(update={"columns": {}}))

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


def load_run(request: SettingsCommand) -> LoadedSettings:
    """Load the settings that a command line asks for.

    Raises
    ------
    ConfigError
        As `load_planrec_config`.
    """
    project = SPEC.folder(request.config)
    config = load_planrec_config(project, explicit=request.config, overrides=request.overrides)
    keep_settings(config, project, SPEC.settings_file(project, explicit=request.config))
    return LoadedSettings(SaidSettings.of(config, request.overrides), project, request.reading)


def optional_run(request: SettingsCommand) -> LoadedSettings | None:
    """Load the settings that a command line asks for; none where nothing asks for any and no file lies here."""
    from_environment = any(name.upper().startswith((SPEC.config_variable, f"{SPEC.prefix}__")) for name in os.environ)
    asked = request.config is not None or request.overrides or from_environment
    return load_run(request) if asked or DEFAULT_CONFIG.exists() else None


def advice_settings(request: SettingsCommand) -> tuple[AdviceConfig, Path | None]:
    """Return the configured weights and rule file; defaults where there are no settings."""
    run = optional_run(request)
    if run is None:
        return AdviceConfig(), None
    return run.config.advice, run.config.rules and run.path(run.config.rules)


def table_settings(request: SettingsCommand) -> tuple[Reading, int]:
    """Return how a table of usage months is written and how recent its last month has to be; else the defaults."""
    run = optional_run(request)
    if run is None:
        return _said(request.reading).over(ReadingConfig()), RECENT_MONTHS
    return run.reading, run.config.features.recent_months


def batch_recorder(request: SettingsCommand) -> Recorder | None:
    """Return the configured decision log of commands; None where `decisions.batch` is off or there are no settings."""
    run = optional_run(request)
    return None if run is None else open_batch_recorder(run.config.decisions, SPEC.name, run.project)


def objections_at_hand(request: SettingsCommand) -> Callable[[str], bool] | None:
    """Return what says whether a subscriber objected to offers; None where nobody did, or there are no settings."""
    run = optional_run(request)
    return None if run is None else open_objections(run.config.decisions, SPEC.name, run.project)


def _said(reading: Reading | None) -> Reading:
    """Return what a command line says of tables; readers load here, because a service starts without them."""
    from common_utils.tables import Reading

    return reading or Reading()
