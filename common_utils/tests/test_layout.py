"""How the package is laid out: faces list what they hold, tests mirror packages, light imports stay light."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from common_utils.testing.layout import face_faults, loaded_by, mirror_faults


def test_every_face_equals_its_list() -> None:
    assert face_faults("common_utils") == []


def test_tests_mirror_the_packages() -> None:
    assert mirror_faults("common_utils", Path(__file__).parent) == []


@pytest.mark.parametrize(
    "module",
    [
        "common_utils",
        "common_utils.boosting.config",
        "common_utils.bundle",
        "common_utils.compiled",
        "common_utils.config",
        "common_utils.decision_log.desk",
        "common_utils.decision_log.recorder",
        "common_utils.releases",
        "common_utils.scoring",
        "common_utils.serving.config",
        "common_utils.table_project.config",
    ],
)
def test_a_light_import_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") == []


def test_a_heavy_import_is_seen() -> None:
    assert "pandas" in loaded_by("import common_utils.tables")


@pytest.mark.parametrize(
    ("face", "fault"),
    [
        pytest.param(
            "from house_a.rooms import attic\n__all__ = []\n", "attic is bound and not in __all__", id="unlisted"
        ),
        pytest.param("__all__ = ['attic']\n", "attic is in __all__ and not bound", id="unbound"),
        pytest.param(
            "from house_a.rooms import attic\n__all__ = ['attic', 'attic']\n", "names something twice", id="twice"
        ),
    ],
)
def test_a_face_that_differs_is_told(face: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "house_a").mkdir()
    (tmp_path / "house_a" / "rooms.py").write_text("attic = 1\n")
    (tmp_path / "house_a" / "__init__.py").write_text(face)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert any(fault in found for found in face_faults("house_a"))
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "house_a"]:
            del sys.modules[name]


def test_a_folder_of_tests_without_its_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "serving" / "cellar").mkdir(parents=True)
    (tmp_path / "app").mkdir()
    assert mirror_faults("common_utils", tmp_path, beside=["app"]) == [
        "serving/cellar/: there is no package common_utils.serving.cellar"
    ]
