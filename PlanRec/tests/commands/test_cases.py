"""Files that users brought and that were once misread: `tests/cases` holds each with a README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[1] / "cases"
Run = Callable[..., int]


@pytest.mark.parametrize(
    ("card", "said"),
    [
        pytest.param("octal", "line 7, plans.0.monthly_fee_cents: write a whole number", id="octal"),
        pytest.param("sexagesimal", "line 7, plans.0.monthly_fee_cents: write a whole number", id="sexagesimal"),
        pytest.param("hex", "line 7, plans.0.monthly_fee_cents: write a whole number", id="hex"),
        pytest.param("twice", "line 8: key 'monthly_fee_cents' is given twice, first on line 7", id="fee-twice"),
        pytest.param("plans_twice", "line 4: key 'rounding' is given twice, first on line 3", id="sections-twice"),
    ],
)
def test_a_rate_card_that_yaml_1_1_would_change_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], card: str, said: str
) -> None:
    case, output = CASES / "ratecard-yaml11", tmp_path / "b.csv"
    assert run("bill", "--usage", case / "m.csv", "--plans", case / f"{card}.yaml", "--output", output) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()
