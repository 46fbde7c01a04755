"""What one project is called, and where its settings and folder are found. Light to import."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from common_utils.config.packaged import use_packaged
from common_utils.config.settings import BaseConfig, find_config, load_config, resolve_path

__all__ = ["DEFAULT_CONFIG", "ProjectSpec", "project_folder"]

DEFAULT_CONFIG = Path("configs/config.yaml")

Settings = TypeVar("Settings", bound=BaseConfig)


def project_folder(variable: str, explicit: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder that relative paths count from.

    Parameters
    ----------
    variable : str
        Environment variable that may name the settings file, for example `PLANREC_CONFIG`.
    explicit : Path, optional
        What `--config` gave; else `variable` is read.
    environ : mapping, optional
        Read instead of `os.environ`.

    Returns
    -------
    Path
        The folder around `configs/` where the settings file lies in one, else the working directory.

    Examples
    --------
    >>> project_folder("BANKCHURN_CONFIG", Path("/srv/bankchurn/configs/config.yaml")).as_posix()
    '/srv/bankchurn'
    """
    named = explicit or (os.environ if environ is None else environ).get(variable)
    path = Path(named).resolve() if named else None
    return path.parents[1] if path is not None and path.parent.name == "configs" else Path.cwd()


@dataclass(frozen=True)
class ProjectSpec(Generic[Settings]):
    """What a project is called; every name that is derived from it is derived here.

    Attributes
    ----------
    name : str
        Package and command, for example `bankchurn`.
    title : str
        For people, for example `BankChurn`.
    question : str
        What the project answers, in one sentence.
    settings : type of BaseConfig
        Every setting, typed.

    Examples
    --------
    >>> spec = ProjectSpec("bankchurn", "BankChurn", "Who will leave?", BaseConfig)
    >>> spec.config_variable, spec.bundle_variable
    ('BANKCHURN_CONFIG', 'BANKCHURN_BUNDLE')
    """

    name: str
    title: str
    question: str
    settings: type[Settings]

    @property
    def prefix(self) -> str:
        """Start of the names of environment variables."""
        return self.name.upper()

    @property
    def config_variable(self) -> str:
        """Environment variable that names the settings file."""
        return f"{self.prefix}_CONFIG"

    @property
    def bundle_variable(self) -> str:
        """Environment variable that names the bundle a service opens."""
        return f"{self.prefix}_BUNDLE"

    def folder(self, explicit: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
        """Return the project's folder, as `project_folder`."""
        return project_folder(self.config_variable, explicit, environ=environ)

    def settings_file(
        self, folder: Path, *, explicit: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> Path:
        """Return the settings file: `explicit`, the environment's, the folder's, or the one of the project's wheel.

        Raises
        ------
        ConfigError
            If there is none of these.
        """
        use_packaged(self.name)
        default = resolve_path(folder, DEFAULT_CONFIG)
        return find_config(explicit, env_name=self.config_variable, default=default, environ=environ)

    def load(
        self,
        folder: Path,
        *,
        explicit: Path | None = None,
        overrides: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Return the settings: class defaults < file < environment (`BANKCHURN__TRAINING__SEED=7`) < overrides.

        Parameters
        ----------
        folder : Path
            The project's; `configs/config.yaml` in it is the file where nothing else names one.
        explicit : Path, optional
            What `--config` gave.
        overrides : sequence of str
            `training.seed=7`.
        environ : mapping, optional
            Read instead of `os.environ`.

        Raises
        ------
        ConfigError
            If there is no file, a key is unknown or a value does not fit.
        """
        path = self.settings_file(folder, explicit=explicit, environ=environ)
        return load_config(self.settings, path=path, env_prefix=self.prefix, overrides=overrides, environ=environ)
