"""Start the service; light to import, so that a server is up before the libraries of a batch job would be."""

from __future__ import annotations

from pathlib import Path

from common_utils.config import resolve_path
from common_utils.serving.start import serve_project
from planrec.config import RULES_VARIABLE, SPEC, PlanRecConfig

__all__ = ["run_serve"]


def run_serve(
    config: PlanRecConfig,
    project: Path,
    bundle_path: Path | None,
    *,
    settings_file: Path | None,
    rules: Path | None = None,
    host: str,
    port: int,
    workers: int,
) -> None:
    """Serve a bundle; the app lies in the project's folder.

    Parameters
    ----------
    config : PlanRecConfig
    project : Path
        Folder that relative paths count from.
    bundle_path : Path, optional
        A bundle or a root of bundles; else the configured artifacts.
    settings_file : Path, optional
        What `--config` gave.
    rules : Path, optional
        Rule file to follow instead of the bundle's; else `serving.rules`.
    host, port, workers : str, int, int
        As `common_utils.serving.server.run`.

    Raises
    ------
    ConfigError
        If there is no app in the project's folder.
    """
    followed = rules.resolve() if rules else config.serving.rules and resolve_path(project, config.serving.rules)
    said = config.releases.model_dump(mode="json", exclude_none=True)  # which signatures count, whoever said it
    serve_project(
        SPEC,
        project,
        bundle_path or resolve_path(project, config.training.artifacts),
        settings_file=settings_file,
        environment={
            **({} if followed is None else {RULES_VARIABLE: str(followed)}),
            **config.decisions.environment(SPEC.prefix),
            **{f"{SPEC.prefix}__RELEASES__{name.upper()}": str(value) for name, value in said.items()},
        },
        host=host,
        port=port,
        workers=workers,
        serving=config.serving,
    )
