"""The settings a bundle was trained with, read by the version of today."""

from __future__ import annotations

from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from common_utils.bundle.bundle import Bundle
from common_utils.errors import ArtifactError

__all__ = ["SETTINGS_FILE", "check_project", "trained_settings"]

SETTINGS_FILE = "config.yaml"
_MOST_NAMED = 3

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
        If the bundle is another project's, or its settings are not those of this version.
    """
    check_project(bundle, package)
    try:
        return settings.model_validate(yaml.safe_load(bundle.read_bytes(SETTINGS_FILE)))
    except ValidationError as error:
        places = [".".join(map(str, one["loc"])) for one in error.errors(include_url=False, include_input=False)]
        more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
        what = f"{', '.join(places[:_MOST_NAMED])}{more}"
    except yaml.YAMLError as error:
        what = type(error).__name__
    raise ArtifactError(
        f"bundle {bundle.version}: its settings ({SETTINGS_FILE}) are not those of this version: {what}; train again."
    )
