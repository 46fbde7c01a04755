from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.config import BaseConfig
from common_utils.config.project import ProjectSpec, project_folder
from common_utils.errors import ConfigError


class DemoConfig(BaseConfig):
    seed: int = 1


SPEC = ProjectSpec("demo", "Demo", "What?", DemoConfig)


def _settings(folder: Path, text: str = "seed: 2\n") -> Path:
    path = folder / "configs" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_names_are_derived_from_one() -> None:
    assert (SPEC.config_variable, SPEC.bundle_variable) == ("DEMO_CONFIG", "DEMO_BUNDLE")


def test_folder_is_the_one_around_configs(tmp_path: Path) -> None:
    path = _settings(tmp_path)
    assert project_folder("DEMO_CONFIG", path, environ={}) == tmp_path
    assert SPEC.folder(environ={"DEMO_CONFIG": str(path)}) == tmp_path


@pytest.mark.parametrize("named", [None, Path("elsewhere.yaml")], ids=["nothing-named", "file-outside-configs"])
def test_folder_is_the_working_one_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Path | None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_folder("DEMO_CONFIG", named, environ={}) == tmp_path


def test_settings_come_from_file_environment_and_overrides(tmp_path: Path) -> None:
    _settings(tmp_path)
    assert SPEC.load(tmp_path, environ={}).seed == 2
    assert SPEC.load(tmp_path, environ={"DEMO__SEED": "3"}).seed == 3
    assert SPEC.load(tmp_path, environ={"DEMO__SEED": "3"}, overrides=["seed=4"]).seed == 4
    with pytest.raises(ConfigError, match="did you mean"):
        SPEC.load(tmp_path, environ={}, overrides=["sede=4"])


def test_settings_without_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DEMO_CONFIG"):
        SPEC.load(tmp_path, environ={})
