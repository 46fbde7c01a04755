"""Start the service; light to import, so that a server is up before the libraries of a batch job would be."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from common_utils.terminal import note
from planrec.config import CONFIG_VARIABLE, RULES_VARIABLE, PlanRecConfig

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
    from common_utils.serving.server import run

    if not (project / "app" / "fastapi_app.py").is_file():
        raise ConfigError(f"no app/fastapi_app.py in {project}; run from the project's folder or name its --config.")
    bundle = (bundle_path or resolve_path(project, config.training.artifacts)).resolve()
    # The app reads all it must know from the environment, which worker processes inherit: bundle, rules, settings
    # file, and which signatures count, whether a file or `--set` said it.
    os.environ["PLANREC_BUNDLE"] = str(bundle)
    followed = rules.resolve() if rules else config.serving.rules and resolve_path(project, config.serving.rules)
    if followed is not None:
        os.environ[RULES_VARIABLE] = str(followed)
    if settings_file is not None:
        os.environ[CONFIG_VARIABLE] = str(settings_file.resolve())
    for name, value in config.releases.model_dump(mode="json", exclude_none=True).items():
        os.environ[f"PLANREC__RELEASES__{name.upper()}"] = str(value)
    if find_spec("app") is None:
        # Started as a script, Python does not look in the working folder; as a module it does.
        options = ["--host", host, "--port", str(port), "--workers", str(workers), "--bundle", str(bundle)]
        if settings_file is not None:
            options += ["--config", str(settings_file.resolve())]
        elif named := os.environ.get(CONFIG_VARIABLE):
            os.environ[CONFIG_VARIABLE] = str(Path(named).resolve())  # seen from another folder in a moment
        os.chdir(project)
        os.execv(sys.executable, [sys.executable, "-m", "planrec.cli", "serve", *options])  # noqa: S606 - ourselves
    note(f"http://{host}:{port}/docs")
    run("app.fastapi_app:app", host=host, port=port, workers=workers)
