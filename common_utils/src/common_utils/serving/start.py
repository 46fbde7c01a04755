"""Start a project's service; light to import, so that it is up before the libraries of a batch job would be."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common_utils.config.project import ProjectSpec
from common_utils.errors import ConfigError, PortfolioError
from common_utils.serving.config import ServiceConfig

__all__ = ["is_alive", "run_app", "serve_configured", "serve_project"]

# A service that listens everywhere is asked here.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound

_STARTED_ANEW = "COMMON_UTILS_STARTED_ANEW"


def serve_project(
    spec: ProjectSpec[Any],
    folder: Path,
    bundle: Path,
    *,
    settings_file: Path | None,
    environment: Mapping[str, str] | None = None,
    host: str,
    port: int,
    workers: int,
    serving: ServiceConfig | None = None,
) -> None:
    """Serve a bundle; the app lies in the project's folder, or in its wheel as `<name>._app`.

    Parameters
    ----------
    spec : ProjectSpec
        `<name>.cli` is the module that starts anew where the app cannot be found.
    folder : Path
        The project's.
    bundle : Path
        A bundle or a root of bundles.
    settings_file : Path, optional
        What `--config` gave; the app reads the same one.
    environment : mapping, optional
        Further variables for the app.
    host, port, workers : str, int, int
        As `common_utils.serving.server.run`.
    serving : ServiceConfig, optional
        Limits, access and administrator's port, handed to the app and the server.

    Raises
    ------
    ConfigError
        If there is no app, neither in the project's folder nor in its wheel, or it is that of another project.
    """
    package = _app_package(spec, folder)
    # The app reads all it must know from the environment, which worker processes inherit.
    os.environ |= {**(environment or {}), spec.bundle_variable: str(bundle.resolve())}
    if serving is not None:
        os.environ |= _exported(f"{spec.prefix}__SERVING", serving)
    if settings_file is not None:
        os.environ[spec.config_variable] = str(settings_file.resolve())
    if package == "app" and not _found_in(folder):
        # Started as a script, Python does not look in the working folder; as a module it does, and may stand in another
        # project's folder.
        if os.environ.pop(_STARTED_ANEW, None) == str(folder.resolve()):
            raise ConfigError(f"the app in {folder} cannot be imported; start the command in that folder.")
        options = ["--host", host, "--port", str(port), "--workers", str(workers), "--bundle", str(bundle.resolve())]
        if settings_file is not None:
            options += ["--config", str(settings_file.resolve())]
        elif named := os.environ.get(spec.config_variable):
            os.environ[spec.config_variable] = str(Path(named).resolve())  # seen from another folder in a moment
        os.environ[_STARTED_ANEW] = str(folder.resolve())
        os.environ.pop("PYTHONSAFEPATH", None)  # which would hide the folder from Python once more
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", f"{spec.name}.cli", "serve", *options])  # noqa: S606 - ourselves
    os.environ.pop(_STARTED_ANEW, None)
    sys.stderr.write(f"http://{host}:{port}/docs\n")
    _run(f"{package}.fastapi_app:app", host=host, port=port, workers=workers, **_server_options(serving))


def run_app(
    spec: ProjectSpec[Any], folder: Path, check: Callable[[ProjectSpec[Any], Path], None] = lambda *_: None
) -> None:
    """Do what `python -m app` asks for: serve as configured; with the word `health`, ask that service.

    Leaves with the code of an error and one line about it, as every command does; `health` leaves with 0 or 1, the
    codes that a container engine knows.

    Parameters
    ----------
    spec : ProjectSpec
    folder : Path
        As for `serve_configured`.
    check : callable
        Called before the server is started; raises what would keep the app from starting in it, where uvicorn would
        show a traceback.
    """
    health = sys.argv[1:] == ["health"]
    try:
        if health:
            sys.exit(not is_alive(spec, folder))
        check(spec, folder)
        serve_configured(spec, folder)
    except PortfolioError as error:
        sys.stderr.write(f"{spec.name}: {error}\n")
        sys.exit(1 if health else error.exit_code)


def serve_configured(spec: ProjectSpec[Any], folder: Path) -> None:
    """Serve as settings and environment say; what an image runs, without a command line's libraries.

    Parameters
    ----------
    spec : ProjectSpec
    folder : Path
        The project's, where `app/` lies; the working folder, so that the app can be imported.
    """
    serving: ServiceConfig = spec.load(folder).serving
    _run(
        f"{_app_package(spec, folder)}.fastapi_app:app",
        host=serving.host,
        port=serving.port,
        workers=serving.workers,
        loggers=(spec.name,),
        log_format="json",
        **_server_options(serving),
    )


def is_alive(spec: ProjectSpec[Any], folder: Path, *, seconds: float = 2.0) -> bool:
    """Ask the service that `serve_configured` started with the same settings for `/health`.

    Parameters
    ----------
    spec : ProjectSpec
    folder : Path
        As for `serve_configured`.
    seconds : float
        To wait for an answer.
    """
    serving: ServiceConfig = spec.load(folder).serving
    host = _LOOPBACK.get(serving.host, serving.host)
    connection = HTTPConnection(host, serving.port, timeout=seconds)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _app_package(spec: ProjectSpec[Any], folder: Path) -> str:
    """Return the package of the app: the folder's, which must be this project's, else that of the project's wheel."""
    if not (folder / "app" / "fastapi_app.py").is_file():
        packaged = f"{spec.name}._app"
        try:
            found = find_spec(packaged)
        except ModuleNotFoundError:  # the package around it
            found = None
        if found is not None:
            return packaged
    _check_app(spec, folder)
    return "app"


def _check_app(spec: ProjectSpec[Any], folder: Path) -> None:
    """See that the folder holds an app, and that it serves this project: it imports the project's package."""
    app = folder / "app" / "fastapi_app.py"
    if not app.is_file():
        raise ConfigError(f"no app/fastapi_app.py in {folder}; run from the project's folder or name its --config.")
    try:
        tree = ast.parse(app.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise ConfigError(f"{app}: cannot be read as Python ({type(error).__name__}).") from error
    if spec.name not in _imported(tree):
        raise ConfigError(
            f"{app} is not the app of {spec.title}: it does not import {spec.name}. Run from the project's folder, or "
            "name its --config."
        )


def _imported(tree: ast.Module) -> set[str]:
    """Return the names of the packages that a module imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _found_in(folder: Path) -> bool:
    """Return whether Python would import the app of this folder, and not another project's."""
    found = find_spec("app")
    if found is None or not found.submodule_search_locations:
        return False
    return any(Path(place).resolve() == (folder / "app").resolve() for place in found.submodule_search_locations)


def _exported(prefix: str, serving: ServiceConfig) -> dict[str, str]:
    own = serving.model_dump(
        mode="json", exclude_none=True, include={"admin_port", "log_sample", "root_path", "drain_seconds"}
    )
    said = {f"{prefix}__{name.upper()}": str(value) for name, value in own.items() if value != ""}
    for section in ("limits", "access"):
        values = getattr(serving, section).model_dump(mode="json", exclude_none=True)
        said |= {f"{prefix}__{section.upper()}__{name.upper()}": str(value) for name, value in values.items()}
    return said


def _server_options(serving: ServiceConfig | None) -> dict[str, Any]:
    if serving is None:
        return {}
    limits = serving.limits
    return {
        "admin_port": serving.admin_port,
        "drain_seconds": serving.drain_seconds,
        "header_seconds": limits.header_seconds,
        "max_connections": limits.max_connections,
        "graceful_seconds": int(limits.deadline_seconds) + 5,
    }


def _run(app: str, **given: Any) -> None:
    """Run the server, which is loaded here: a health check asks this module and needs none."""
    from common_utils.serving.server import run

    run(app, **given)
