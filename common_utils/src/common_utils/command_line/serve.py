"""The end of every project's `serve`: the settings that the app must know, handed to the server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from common_utils.config.project import ProjectSpec
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.recorder import check_log_settings
from common_utils.releases.config import ReleaseConfig
from common_utils.serving.config import ServiceConfig
from common_utils.serving.start import serve_project

__all__ = ["serve_command"]


class _Settings(Protocol):
    @property
    def serving(self) -> ServiceConfig: ...

    @property
    def decisions(self) -> DecisionsConfig: ...

    @property
    def releases(self) -> ReleaseConfig: ...


def serve_command(
    spec: ProjectSpec[Any],
    folder: Path,
    bundle: Path,
    settings: _Settings,
    *,
    settings_file: Path | None,
    environment: Mapping[str, str] | None = None,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> None:
    """Serve a bundle with the settings of a command; what the command line says goes before them.

    Parameters
    ----------
    spec : ProjectSpec
    folder : Path
        The project's.
    bundle : Path
        A bundle or a root of bundles.
    settings : settings of a project
    settings_file : Path, optional
        What `--config` gave.
    environment : mapping, optional
        Further variables for the app.
    host, port, workers : str, int, int, optional
        Instead of what the settings of `serving` say.

    Raises
    ------
    ConfigError
        As `serve_project`, and if the keys of the decision log are not where the settings say.
    """
    check_log_settings(settings.decisions, folder)
    said = settings.releases.model_dump(mode="json", exclude_none=True)  # which signatures count, whoever said it
    serving = settings.serving
    serve_project(
        spec,
        folder,
        bundle,
        settings_file=settings_file,
        environment={
            **settings.decisions.environment(spec.prefix),
            **{f"{spec.prefix}__RELEASES__{name.upper()}": str(value) for name, value in said.items()},
            **(environment or {}),
        },
        host=host or serving.host,
        port=serving.port if port is None else port,
        workers=workers or serving.workers,
        serving=serving,
    )
