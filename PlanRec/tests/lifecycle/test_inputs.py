"""What the gate calls the inputs of a bundle: columns, features, and the log of offers."""

from __future__ import annotations

import pytest

from common_utils.bundle import Bundle
from common_utils.lifecycle.config import GateConfig
from common_utils.lifecycle.gate import bundle_checks
from common_utils.releases.trained import trained_settings
from planrec.bundle import PlanRecBundle
from planrec.config import SPEC, PlanRecConfig
from planrec.lifecycle.retraining import bundle_inputs


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
