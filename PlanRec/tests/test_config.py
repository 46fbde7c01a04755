from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.config.sources import read_yaml
from common_utils.errors import ConfigError
from planrec.config import load_planrec_config
from planrec.simulator.config import SimulatorConfig


def test_shipped_simulator_file_names_every_parameter_and_equals_the_defaults(project_folder: Path) -> None:
    content = read_yaml(project_folder / "configs" / "simulator.yaml")
    frozen = SimulatorConfig.model_validate(content)
    assert frozen == SimulatorConfig()
    assert set(content) == set(SimulatorConfig.model_fields)
    for section in ("light", "satisficing", "churn", "offers", "defects"):
        assert set(content[section]) == set(getattr(frozen, section).model_fields_set), section


def test_shipped_settings_read_the_simulator_file(project_folder: Path) -> None:
    config = load_planrec_config(project_folder, environ={})
    assert config.simulator_file == Path("configs/simulator.yaml")
    assert config.simulator == SimulatorConfig()


@pytest.fixture
def project(tmp_path: Path, project_folder: Path) -> Path:
    """A project whose simulator file says 9 months and 50 subscribers."""
    (tmp_path / "configs").mkdir()
    shipped = (project_folder / "configs" / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "configs" / "config.yaml").write_text(shipped, encoding="utf-8")
    (tmp_path / "configs" / "simulator.yaml").write_text("months: 9\nsubscribers: 50\n", encoding="utf-8")
    return tmp_path


def test_simulator_file_is_overridden_by_every_later_source(project: Path) -> None:
    def size(*overrides: str, **environ: str) -> tuple[int, int]:
        simulator = load_planrec_config(project, overrides=overrides, environ=environ).simulator
        return simulator.months, simulator.subscribers

    assert size() == (9, 50)
    assert size("simulator.months=7") == (7, 50)
    assert size(PLANREC__SIMULATOR__MONTHS="6") == (6, 50)
    assert size("simulator_file=null") == (12, 20_000)
    with (project / "configs" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("simulator: {months: 8}\n")
    assert size() == (8, 50)


def test_unknown_key_in_the_simulator_file_stops_the_run(project: Path) -> None:
    (project / "configs" / "simulator.yaml").write_text("inertja: 1\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"simulator\.inertja \(from .*simulator\.yaml line 1\).*did you mean"
    ) as error:
        load_planrec_config(project, environ={})
    assert "simulator.inertia" in str(error.value)


def test_missing_simulator_file_stops_the_run(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read"):
        load_planrec_config(project, overrides=["simulator_file=gone.yaml"], environ={})
