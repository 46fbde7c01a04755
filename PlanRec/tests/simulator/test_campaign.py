from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import ConfigError
from planrec.simulator.campaign import acceptance, in_holdout, offer_propensities
from planrec.simulator.config import OffersConfig
from planrec.simulator.usage import subscriber_ids

IDS = subscriber_ids(20_000)


def test_holdout_has_its_share_and_depends_on_id_and_seed_alone() -> None:
    held = in_holdout(IDS, share=0.1, seed=1)
    assert held.mean() == pytest.approx(0.1, abs=0.01)
    assert (in_holdout(IDS[::-1], share=0.1, seed=1)[::-1] == held).all()
    assert (in_holdout(IDS[:50], share=0.1, seed=1) == held[:50]).all()
    assert (in_holdout(IDS, share=0.1, seed=2) != held).any()


def test_holdout_grows_without_letting_anybody_out() -> None:
    assert (in_holdout(IDS, share=0.2, seed=1) >= in_holdout(IDS, share=0.1, seed=1)).all()
    assert not in_holdout(IDS, share=0, seed=1).any()
    assert in_holdout(IDS, share=1, seed=1).all()


@settings(deadline=None, max_examples=60)
@given(
    saving=st.lists(st.floats(-500, 500), min_size=13, max_size=13),
    offerable=st.lists(st.booleans(), min_size=13, max_size=13).filter(any),
)
def test_propensities_add_up_and_keep_the_floor(saving: list[float], offerable: list[bool]) -> None:
    may = np.array([offerable])
    p = offer_propensities(np.array([saving]), may, OffersConfig())
    assert p.sum() == pytest.approx(1)
    assert (p[may] >= 0.02).all()
    assert (p[~may] == 0).all()
    order = np.argsort(np.array(saving)[may[0]])
    assert (np.diff(p[0][may[0]][order]) >= -1e-12).all()  # what saves more is offered more


def test_propensities_refuse_floors_beyond_one() -> None:
    with pytest.raises(ConfigError, match=r"min_propensity 0\.5: 3 plans to offer would need more than a chance of 1"):
        offer_propensities(np.zeros((1, 3)), np.full((1, 3), True), OffersConfig(min_propensity=0.5))


def test_propensities_of_nobody_are_empty() -> None:
    assert offer_propensities(np.empty((0, 3)), np.empty((0, 3), dtype=np.bool_), OffersConfig()).shape == (0, 3)


def test_acceptance_adds_its_parts() -> None:
    rules = OffersConfig(accept_base=0.1, accept_utility=0.5, accept_inertia=0.2, accept_fatigue=0.3)
    value = np.array([[3.0, 2.0, -np.inf]])  # the current plan's 3 hold an inertia of 2
    got = acceptance(value, np.array([0]), np.array([2.0]), np.array([1]), rules)[0]
    assert np.isnan(got[[0, 2]]).all()
    assert got[1] == pytest.approx(1 / (1 + np.exp(-(0.1 + 0.5 * (2 - 1) - 0.2 * 2 - 0.3))))
