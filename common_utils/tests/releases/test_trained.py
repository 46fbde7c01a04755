from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from common_utils.bundle import Bundle, write_bundle
from common_utils.errors import ArtifactError
from common_utils.releases.trained import check_project, trained_settings


class Settings(BaseModel, extra="forbid"):
    seed: int = 0
    rules: str = "built-in"


def trained(folder: Path, text: str, libraries: dict[str, str] | None = None) -> Bundle:
    info = {} if libraries is None else {"libraries": libraries}
    return write_bundle(folder, info=info, write=lambda to: (to / "config.yaml").write_text(text) and None)


@pytest.mark.parametrize("libraries", [None, {"cars": "1.0", "numpy": "2.0"}, {"cars": "not installed"}])
def test_the_settings_are_those_of_the_bundle(tmp_path: Path, libraries: dict[str, str] | None) -> None:
    assert trained_settings(trained(tmp_path, "seed: 7", libraries), Settings, "cars") == Settings(seed=7)


def test_the_bundle_of_another_project_is_named_so(tmp_path: Path) -> None:
    bundle = trained(tmp_path, "seed: 7", {"bank": "1.0", "numpy": "2.0"})
    for refused in (lambda: check_project(bundle, "cars"), lambda: trained_settings(bundle, Settings, "cars")):
        with pytest.raises(ArtifactError, match=rf"bundle {bundle.version} was not trained by cars; name a bundle"):
            refused()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("sead: 7", "line 1, sead: unknown key", id="unknown"),
        pytest.param("seed: x", "line 1, seed: ", id="value"),
        pytest.param("seed: [", "line 1", id="no-yaml"),
    ],
)
def test_settings_of_an_older_version_are_named(tmp_path: Path, text: str, what: str) -> None:
    bundle = trained(tmp_path, text, {"cars": "1.0"})
    said = rf"(?s)from an older version of the code .* its config.yaml does not fit this one: .*{what}.*Train again"
    with pytest.raises(ArtifactError, match=said):
        trained_settings(bundle, Settings, "cars")
