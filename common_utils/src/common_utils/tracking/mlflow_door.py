"""The one door to MLflow: how its client is opened, and how what it raises is told."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common_utils.bundle.durable import make_folder
from common_utils.config import resolve_path
from common_utils.errors import ConfigError, MirrorError
from common_utils.tracking.config import TrackingConfig

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["artifact_place", "mirror_uri", "opened"]

_SQLITE = "sqlite:///"
_LONGEST = 600
_SERVERS = ("http", "https")
_TIMEOUTS = {"postgresql": "connect_timeout", "sqlite": "timeout"}


@contextmanager
def opened(config: TrackingConfig, folder: Path) -> Generator[MlflowClient]:
    """Yield a client of the configured server or database that asks once and waits so long and no longer.

    It never asks twice by itself: a request that creates something, repeated after an answer was lost, would create a
    second one. Whoever syncs again looks first.

    Parameters
    ----------
    config : TrackingConfig
        With a url.
    folder : Path
        The project's, that a relative SQLite file counts from.

    Raises
    ------
    ConfigError
        If there is no url, or mlflow-skinny is not installed.
    MirrorError
        In place of what MLflow, the network or the database raise inside.
    """
    if not config.url:
        raise ConfigError(
            "tracking.url is empty, so runs are files only; name an MLflow server or database, for example "
            "--set tracking.url=http://127.0.0.1:5000."
        )
    with _environment(config.timeout_seconds):
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
            from sqlalchemy import create_engine
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError as error:
            raise ConfigError(
                f"lifecycle sync needs {error.name}; install the extra: pip install 'common-utils[tracking]'."
            ) from error
        uri = mirror_uri(config.url, folder)
        try:
            if scheme(uri) not in _SERVERS:  # MLflow tries a database ten times, for two minutes
                if uri.startswith(_SQLITE):
                    make_folder(Path(uri.removeprefix(_SQLITE)).parent)
                waits = {_TIMEOUTS[scheme(uri)]: config.timeout_seconds} if scheme(uri) in _TIMEOUTS else {}
                engine = create_engine(uri, connect_args=waits)
                engine.connect().close()
                engine.dispose()
            yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        except ModuleNotFoundError as error:  # the driver of a database
            raise ConfigError(
                f"{config.url}: {error.name} is not installed; install it, or correct the url."
            ) from error
        except (MlflowException, SQLAlchemyError, OSError) as error:
            said = " ".join(str(error).split())[:_LONGEST]
            where = config.url
            if isinstance(error, OSError) and isinstance(error.filename, str):  # a file of ours: not the mirror's fault
                where, said = error.filename, error.strerror or said
            raise MirrorError(
                f"{where}: {said}. Nothing is lost: what the mirror lacks is in the outbox; run it again."
            ) from error


def scheme(url: str) -> str:
    """Return what kind of server or database an address names.

    Examples
    --------
    >>> scheme("postgresql+psycopg://db/runs"), scheme("sqlite:///runs/mlflow.db")
    ('postgresql', 'sqlite')
    """
    return urlsplit(url).scheme.partition("+")[0]


def mirror_uri(url: str, folder: Path) -> str:
    """Return the address that MLflow is given; a relative SQLite file counts from the project.

    Examples
    --------
    >>> mirror_uri("sqlite:///runs/mlflow.db", Path("/srv/planrec"))
    'sqlite:////srv/planrec/runs/mlflow.db'
    >>> mirror_uri("http://127.0.0.1:5000", Path("/srv/planrec"))
    'http://127.0.0.1:5000'
    """
    if not url.startswith(_SQLITE):
        return url
    return f"{_SQLITE}{resolve_path(folder, Path(url.removeprefix(_SQLITE)))}"


def artifact_place(url: str, runs: Path) -> str | None:
    """Return where files of runs go; None with a server, which keeps them itself.

    Examples
    --------
    >>> artifact_place("sqlite:///runs/mlflow.db", Path("/srv/planrec/runs"))
    'file:///srv/planrec/runs/mlflow-artifacts'
    """
    return None if scheme(url) in _SERVERS else (runs.resolve() / "mlflow-artifacts").as_uri()


@contextmanager
def _environment(seconds: int) -> Generator[None]:
    """Set what MLflow reads from the environment, for as long as it is used."""
    wanted = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",  # no complaint where there is no git
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
