"""What the gate calls the inputs of a bundle, and what makes the settings of a retraining others than before."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.lifecycle.config import GateConfig
from common_utils.lifecycle.gate import bundle_checks
from common_utils.releases.trained import trained_settings
from planrec.bundle import PlanRecBundle
from planrec.config import SPEC, PlanRecConfig, load_planrec_config
from planrec.lifecycle.retraining import bundle_inputs, retraining


@pytest.mark.parametrize("accept", [False, True])
def test_a_bundle_that_lost_its_offer_models_is_refused_unless_that_is_meant(bundle: Bundle, accept: bool) -> None:
    live, new = (PlanRecBundle(bundle, trained_settings(bundle, PlanRecConfig, SPEC.name)) for _ in range(2))
    assert live.offers is not None
    vars(new)["offers"] = None  # as a training leaves it whose log is too short, or shows harm
    checks = bundle_checks(
        bundle,
        bundle,
        inputs=(bundle_inputs(live), bundle_inputs(new)),
        ask=(lambda: None, lambda: None),
        config=GateConfig(accept_other_inputs=accept, most_latency_ratio=100),
        clock=lambda: 0.0,
    )
    (found,) = (check for check in checks if check.name == "inputs")
    assert found.holds == accept
    assert "no longer read: the log of offers" in found.sentence


def test_the_settings_of_a_retraining_are_those_of_the_file_of_the_card_and_of_the_rules(
    project_folder: Path, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.yaml" for name in ("plans", "rules")}
    for name, path in files.items():
        path.write_bytes((project_folder / "configs" / f"{name}.yaml").read_bytes())
    own = [f"data.simulator.plans={files['plans']}", f"rules={files['rules']}"]

    def settings(*more: str) -> str:
        return retraining(
            load_planrec_config(project_folder, overrides=[*own, *more], environ={}), project_folder, print
        ).settings

    first = settings()
    assert settings() == first
    seen = {first, settings("training.seed=7")}
    for path in files.values():  # one line more, under the same name
        path.write_bytes(path.read_bytes() + b"# looked at again\n")
        seen.add(settings())
    assert len(seen) == 4
