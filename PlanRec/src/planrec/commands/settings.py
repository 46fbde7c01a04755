"""The settings a command runs with, and what was said of them for this run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from common_utils.config import resolve_path
from common_utils.config.project import DEFAULT_CONFIG
from common_utils.config.reading import ReadingConfig
from common_utils.tables import Reading
from planrec.bundle import PlanRecBundle, SaidSettings, open_configured
from planrec.commands.requests import SettingsCommand
from planrec.config import SPEC, AdviceConfig, PlanRecConfig, load_planrec_config
from planrec.months import RECENT_MONTHS

__all__ = ["LoadedSettings", "advice_settings", "load_run", "optional_run", "table_settings"]


@dataclass(frozen=True)
class LoadedSettings:
    """What a command runs with.

    Attributes
    ----------
    said : SaidSettings
        The settings at hand, and which were said by `--set` or the environment.
    project : Path
        Folder that relative paths count from.
    stated : Reading
        What the command line says of tables, before the settings.
    """

    said: SaidSettings
    project: Path
    stated: Reading = field(default_factory=Reading)

    @property
    def config(self) -> PlanRecConfig:
        """The settings at hand."""
        return self.said.config

    @property
    def reading(self) -> Reading:
        """How a table of usage months is written: the command line over `data.table`."""
        table = self.config.data.table
        # A mapping of events says nothing of a file of usage months.
        return self.stated.over(table if table.kind == "months" else table.model_copy(update={"columns": {}}))

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
    return LoadedSettings(SaidSettings.of(config, request.overrides), project, request.reading or Reading())


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
        return (request.reading or Reading()).over(ReadingConfig()), RECENT_MONTHS
    return run.reading, run.config.features.recent_months
