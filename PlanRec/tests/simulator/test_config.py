from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from common_utils.config import BaseConfig
from planrec.simulator.config import Segment, ServiceValues, SimulatorConfig


def test_config_defaults_describe_the_documented_operator() -> None:
    config = SimulatorConfig()
    assert (config.subscribers, config.months, config.first_month) == (20_000, 12, "2025-01")
    assert sum(segment.share for segment in config.segments) == pytest.approx(1)


def test_config_refuses_shares_that_do_not_add_up() -> None:
    half = Segment(name="half", share=0.5, minutes=1, messages=1, megabytes=1, age=40)
    with pytest.raises(ValidationError, match=r"shares add up to 0\.5, not 1"):
        SimulatorConfig(segments=(half,))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"inertja": 1}, id="unknown-key"),
        pytest.param({"first_month": "2025-13"}, id="month-13"),
        pytest.param({"noise_rho": 1}, id="noise-never-settles"),
        pytest.param({"review_probability": 1.2}, id="not-a-probability"),
    ],
)
def test_config_refuses(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatorConfig.model_validate(settings)


def test_service_values_keep_the_order_of_the_usage_columns() -> None:
    assert ServiceValues(minutes=1, messages=2, megabytes=3).as_tuple() == (1, 2, 3)


def test_every_parameter_is_read(project_folder: Path) -> None:
    source = "".join(
        p.read_text(encoding="utf-8") for p in (project_folder / "src" / "planrec" / "simulator").rglob("*.py")
    )
    sections = [SimulatorConfig, *_sections(SimulatorConfig)]
    unread = [name for section in sections for name in section.model_fields if f".{name}" not in source]
    assert not unread


def _sections(model: type[BaseConfig]) -> list[type[BaseConfig]]:
    kinds = [type(getattr(SimulatorConfig(), name)) for name in model.model_fields]
    return [kind for kind in kinds if issubclass(kind, BaseConfig)]
