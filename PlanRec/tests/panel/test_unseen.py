from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.config import ChallengerConfig
from planrec.panel.table import Panel
from planrec.panel.unseen import KNOWN, Sizes, Unseen, ask_about_unseen
from tests.panel.cases import made_up_panel

SMALL = Sizes(ChallengerConfig(max_iter=5, min_samples_leaf=20), folds=2, fit_draws=64, ask_draws=128)


def ask(panel: Panel, sizes: Sizes = SMALL) -> Unseen:
    return ask_about_unseen(panel, sizes, seed=1, step=lambda _: None)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return made_up_panel()


@pytest.fixture(scope="module")
def unseen(panel: Panel) -> Unseen:
    return ask(panel)


def test_everybody_is_asked_about_once_and_probabilities_add_up(panel: Panel, unseen: Unseen) -> None:
    assert unseen.late.sum() == 39 * 4  # the first household chose three times only
    assert unseen.known.shape == (len(KNOWN), 39 * 4, 4)
    for p in (unseen.logit, unseen.challenger, unseen.cold, *unseen.known):
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-9)
        assert (p > 0).all()


def test_nothing_known_is_the_same_late_or_not(unseen: Unseen) -> None:
    np.testing.assert_allclose(unseen.known[0], unseen.cold[unseen.late], rtol=1e-12)


def test_what_is_known_makes_the_next_choices_likelier(panel: Panel, unseen: Unseen) -> None:
    rows, chosen = np.arange(int(unseen.late.sum())), panel.chosen[unseen.late]
    losses = -np.log(unseen.known[:, rows, chosen]).mean(axis=1)
    assert losses[8] < losses[4] < losses[0]


def test_later_choices_of_a_household_do_not_reach_what_is_said_of_it(panel: Panel, unseen: Unseen) -> None:
    """Other choices from the ninth on, of households asked about: what is said after 8 stays in their own fold."""
    changed = panel.chosen.copy()
    asked = unseen.late & (panel.person == 3)
    changed[asked] = (changed[asked] + 1) % 4
    again = ask(Panel(panel.features, changed, panel.person, panel.place))
    at = (panel.person == 3)[unseen.late]
    np.testing.assert_allclose(again.known[:, at], unseen.known[:, at], rtol=1e-9)
    np.testing.assert_allclose(again.logit[asked], unseen.logit[asked], rtol=1e-9)


def test_only_the_households_own_choices_tell_of_it(panel: Panel, unseen: Unseen) -> None:
    """The household that chose three times is numbered away among the late ones; nobody gets a neighbour's weights."""
    changed = panel.chosen.copy()
    early = (panel.person == 7) & (panel.place < 8)
    changed[early] = (changed[early] + 1) % 4
    again = ask(Panel(panel.features, changed, panel.person, panel.place))
    person = panel.person[unseen.late]
    moved = np.abs(again.known[8] - unseen.known[8]).max(axis=1)
    assert moved[person == 7].max() > 0.05
    fold = np.flatnonzero([(moved[person == one] == 0).all() for one in range(40)])
    assert len(fold) >= 10  # those asked about together with it: models are fitted on others


def test_more_folds_than_households_are_refused() -> None:
    with pytest.raises(DataError, match="Use fewer folds"):
        ask(made_up_panel(people=3), Sizes(SMALL.challenger, folds=4))
