"""How the package is laid out: faces list what they hold, tests mirror packages, light imports stay light."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.testing.layout import face_faults, format_faults, loaded_by, mirror_faults


def test_every_face_equals_its_list() -> None:
    assert face_faults("planrec") == []


def test_tests_mirror_the_packages() -> None:
    assert (
        mirror_faults(
            "planrec",
            Path(__file__).parent,
            beside=["app", "cases", "random_tariffs", "settings_probes", "slow_rater", "small_cards", "tariffs"],
        )
        == []
    )


def test_no_rounded_figure_shows_minus_zero() -> None:
    assert format_faults("planrec") == []


@pytest.mark.parametrize(
    "statement",
    [
        "import planrec.config",
        "import planrec.billing, planrec.rules, planrec.outlook, planrec.decisions",
        "import planrec.advice, planrec.offers, planrec.notices, planrec.quick",
        "import planrec.bundle",
        "import planrec.simulator.config",
        "import typer.testing, planrec.cli; print(end=typer.testing.CliRunner().invoke("
        "planrec.cli.app, ['--help'], catch_exceptions=False).output[:0])",
    ],
    ids=["config", "lower-faces", "upper-faces", "bundle", "simulator-config", "help"],
)
def test_a_light_import_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) == []
