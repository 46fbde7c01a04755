"""One operator's planted models: none may challenge, and each is refused for its own reason."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

REASONS = {
    "shuffled labels": "log loss of the choices expected",
    "one month in another unit": "2025-09: megabytes",
    "a leak": "loyalty_code",
    "a forgotten feature": "no longer read: feature age",
}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    project = Path(__file__).resolve().parents[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(project / "scripts")
        planted: Any = import_module("planted_models")
    return planted.PlantedOperator(project, tmp_path_factory.mktemp("planted"), 201, 2_500)


@pytest.mark.slow
@pytest.mark.parametrize("name", REASONS)
def test_a_planted_model_is_refused_for_its_own_reason(operator: Any, name: str) -> None:
    report = operator.judged(name)
    assert report.verdict == "refused", report.reasons
    assert REASONS[name] in " ".join(report.reasons)


@pytest.mark.slow
def test_the_same_data_again_is_never_refused_and_differs_in_nothing(operator: Any) -> None:
    report = operator.judged("the same data again")
    assert report.verdict in ("passes", "insufficient")
    assert {(one.worse.low, one.worse.high) for one in report.figures if one.worse is not None} == {(0.0, 0.0)}
