"""What docs/choices.md says of PlanRec: personal tastes do not yet rank better there, so they do not ship."""

from __future__ import annotations

import numpy as np

from common_utils.compiled import softmax_within
from common_utils.evaluation import chosen_ranks, ndcg_at_k, paired_mean_difference
from planrec.billing import Catalogue
from planrec.choice.logit import likeliest_weights
from planrec.choice.personal_tastes import fitted_tastes
from planrec.config import PlanRecConfig
from planrec.decisions import decision_table, plan_indices
from planrec.decisions.choice_sets import alternatives_of
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.simulator.operator import simulate


def test_personal_tastes_do_not_rank_better_on_a_simulated_operator(
    settings: PlanRecConfig, catalogue: Catalogue
) -> None:
    """Where this fails because they win, they are worth the gates of the study: change the document."""
    operator = simulate(settings.simulator, catalogue, np.random.default_rng(1))
    table = decision_table(operator.months, history_months=6)
    alternatives = alternatives_of(table, catalogue, history_months=6, with_current_plan=True)
    chosen = plan_indices(table[CHOSEN_PLAN], catalogue)
    person = np.unique(table["subscriber_id"].to_numpy(), return_inverse=True)[1]
    place = np.arange(len(person)) - np.searchsorted(person, person)  # decisions made before, in order of time
    features, available = alternatives.features, alternatives.available
    available[np.arange(len(chosen)), chosen] = True
    train, n_people = person % 3 > 0, int(person.max()) + 1
    weights = likeliest_weights(features[train], available[train], chosen[train], l2=1e-4)
    owner = np.unique(person[train], return_inverse=True)[1]
    tastes = fitted_tastes(features[train], available[train], chosen[train], owner, n_draws=128, most_rounds=20)
    plain, personal = softmax_within(features @ weights, available), np.zeros(available.shape)
    for k in range(int(place.max()) + 1):
        before, now = ~train & (place < k), ~train & (place == k)
        known = tastes.known_of(features[before], available[before], chosen[before], person[before], n_people)
        personal[now] = tastes.probabilities(features[now], available[now], known[person[now]])
    gap = paired_mean_difference(
        *(
            ndcg_at_k(chosen_ranks(p[~train], chosen[~train], available[~train]), 5).astype(np.float64)
            for p in (personal, plain)
        ),
        person[~train],
        n_resamples=50,
        rng=np.random.default_rng(0),
    )
    assert gap.se < 0.01
    assert abs(gap.mean) < 2 * gap.se
