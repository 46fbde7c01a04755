"""The settings a bundle was trained with, read by the version of today."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from common_utils.bundle import Bundle
from common_utils.config.marked_yaml import read_marked
from common_utils.errors import ArtifactError

__all__ = ["SETTINGS_FILE", "check_project", "trained_settings"]

SETTINGS_FILE = "config.yaml"
"""Their name in every bundle."""

SettingsT = TypeVar("SettingsT", bound=BaseModel)


def check_project(bundle: Bundle, package: str) -> None:
    """Refuse the bundle of another project: a bundle names the package that trained it among its libraries.

    Raises
    ------
    ArtifactError
    """
    libraries = bundle.info.get("libraries", {})
    if libraries and package not in libraries:
        raise ArtifactError(
            f"bundle {bundle.version} was not trained by {package}; name a bundle, or a root of bundles, that was."
        )


def trained_settings(bundle: Bundle, settings: type[SettingsT], package: str) -> SettingsT:
    """Return the settings a bundle was trained with.

    Parameters
    ----------
    bundle : Bundle
        Verified.
    settings : type of BaseModel
        What the project's settings are today.
    package : str
        The project's, which its bundles name among their libraries.

    Raises
    ------
    ArtifactError
        If the bundle is another project's, or an older version wrote the settings; the message names those that do not
        fit.
    """
    check_project(bundle, package)
    content = bundle.read_bytes(SETTINGS_FILE)
    with bundle.fitting(SETTINGS_FILE):
        return read_marked(settings, content, SETTINGS_FILE, strict=False)
