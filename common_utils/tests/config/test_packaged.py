from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_utils.config import BaseConfig, resolve_path
from common_utils.config import packaged as module
from common_utils.config.packaged import defaults_of, write_defaults
from common_utils.config.project import ProjectSpec
from common_utils.errors import ConfigError


class DemoConfig(BaseConfig):
    seed: int = 1
    card: Path = Path("configs/card.yaml")


SPEC = ProjectSpec("packdemo", "Demo", "What?", DemoConfig)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a wheel would make, found by Python."""
    package = tmp_path / "site" / "packdemo"
    configs = package / "_project" / "configs"
    configs.mkdir(parents=True)
    (package / "__init__.py").touch()
    (configs / "config.yaml").write_text("seed: 7\n")
    (configs / "card.yaml").write_text("packaged")
    (configs / "more").mkdir()
    (configs / "more" / "small.yaml").write_text("in a folder")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(module, "_fallbacks", {})
    yield package
    sys.modules.pop("packdemo", None)


def test_a_folder_without_settings_works_with_those_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    settings = SPEC.load(empty, environ={})
    assert settings.seed == 7
    assert resolve_path(empty, settings.card).read_text() == "packaged"
    assert resolve_path(empty, Path("artifacts")) == empty / "artifacts"


def test_own_files_come_first(installed: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    files = write_defaults("packdemo", own)
    assert [path.name for path in files] == ["card.yaml", "config.yaml", "small.yaml"]
    assert (own / "configs" / "more" / "small.yaml").read_text() == "in a folder"
    (own / "configs" / "config.yaml").write_text("seed: 8\n")
    (own / "configs" / "card.yaml").write_text("mine")
    assert SPEC.load(own, environ={}).seed == 8
    assert resolve_path(own, Path("configs/card.yaml")).read_text() == "mine"
    with pytest.raises(ConfigError, match=r"holds \['card.yaml', 'config.yaml', 'small.yaml'\] already"):
        write_defaults("packdemo", own)
    assert (own / "configs" / "card.yaml").read_text() == "mine"


def test_a_file_that_neither_has_is_named_as_it_was_asked_for(installed: Path, tmp_path: Path) -> None:
    SPEC.load(tmp_path, environ={})
    assert resolve_path(tmp_path, Path("configs/none.yaml")) == tmp_path / "configs" / "none.yaml"


def test_a_package_without_settings_says_so(tmp_path: Path) -> None:
    assert defaults_of("no_such_package") is None
    with pytest.raises(ConfigError, match="holds no settings"):
        write_defaults("no_such_package", tmp_path)
