from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xlogit import MultinomialLogit

from planrec.config import ChallengerConfig
from planrec.panel.measure import PUBLISHED, estimates, prediction_figures
from planrec.panel.table import TASTES, Panel, read_panel
from planrec.panel.unseen import KNOWN, Sizes, Unseen, ask_about_unseen


def test_gains_and_scores_by_hand() -> None:
    # Two households of nine choices; the plain logit guesses among four, personal tastes learn from one choice on.
    person, place = np.repeat([0, 1], 9), np.tile(np.arange(9), 2)
    panel = Panel(np.zeros((18, 4, 6)), np.zeros(18, dtype=np.int64), person, place)
    even, sure = np.full((18, 4), 0.25), np.tile([0.7, 0.1, 0.1, 0.1], (18, 1))
    late = place >= 8
    known = np.stack([even[late], *[sure[late]] * 8])
    found = prediction_figures(panel, Unseen(even, sure, even, late, known), resamples=50, seed=1)
    assert found["late_choices"] == 2
    assert found["cold"]["logit"]["log_loss"]["estimate"] == pytest.approx(np.log(4))
    assert found["cold"]["challenger"]["log_loss"]["estimate"] == pytest.approx(-np.log(0.7))
    assert found["cold"]["challenger"]["accuracy"]["estimate"] == 1
    assert found["late"]["8"]["ece"]["estimate"] == pytest.approx(0.3)
    gains = {name: gain["estimate"] for name, gain in found["gains"].items()}
    assert gains["all"] == gains["0"] == 0
    assert [gains[str(k)] for k in KNOWN if k] == pytest.approx([np.log(0.7 / 0.25)] * 8)


@pytest.mark.realdata
def test_the_published_estimates_are_found_and_xlogit_agrees(panel_file: Path) -> None:
    panel = read_panel(panel_file)
    found = estimates(panel)
    assert round(found["log_likelihood"], 3) == PUBLISHED.log_likelihood
    assert found["steepest"] < 1e-6
    other = MultinomialLogit()
    n, n_contracts, k = panel.features.shape
    other.fit(
        X=panel.features.reshape(-1, k),
        y=np.eye(n_contracts)[panel.chosen].ravel(),
        varnames=list(TASTES),
        ids=np.repeat(np.arange(n), n_contracts),
        alts=np.tile(np.arange(n_contracts), n),
        fit_intercept=False,
        num_hess=True,
        tol_opts={"ftol": 1e-12},
        verbose=0,
    )
    assert found["log_likelihood"] == pytest.approx(other.loglikelihood, abs=1e-5)
    for name, coefficient, error in zip(TASTES, other.coeff_, other.stderr, strict=True):
        weight = found["weights"][name]
        assert f"{weight['estimate']:.4f}" == f"{PUBLISHED.weights[name]:.4f}"
        assert weight["estimate"] == pytest.approx(coefficient, abs=2e-5)
        assert weight["standard_error"] == pytest.approx(error, rel=1e-4)


@pytest.mark.realdata
def test_personal_tastes_win_on_the_real_choices(panel_file: Path) -> None:
    """A small run on half of the households: the direction and more than the goal, as in docs/choices.md."""
    panel = read_panel(panel_file)
    half = panel.rows(np.flatnonzero(panel.person % 2 == 0))
    sizes = Sizes(ChallengerConfig(max_iter=10), folds=2, fit_draws=128, ask_draws=512)
    unseen = ask_about_unseen(half, sizes, seed=42, step=lambda _: None)
    gains = prediction_figures(half, unseen, resamples=200, seed=1)["gains"]
    assert gains["8"]["estimate"] > 0.20
    assert gains["8"]["low"] > 0.10
    assert gains["0"]["high"] > 0
    assert gains["8"]["estimate"] > gains["4"]["estimate"] > gains["1"]["estimate"] > 0
