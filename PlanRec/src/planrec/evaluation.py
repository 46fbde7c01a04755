"""Every figure of a fitted model and of the policies beside it, on subscribers and months it never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import (
    chosen_ranks,
    classification_metrics,
    metric_intervals,
    ndcg_at_k,
    paired_mean_difference,
    reliability_table,
    segment_table,
)
from common_utils.scoring import Scorer
from planrec.advice import AnswerPolicy, Engine, Overrides, Subscribers
from planrec.billing import Catalogue, bill_totals
from planrec.bundle import PlanRecBundle
from planrec.columns import AGE, CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import columns_of, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_indices, month_text
from planrec.outlook import History, Outlook, UsageForecast, bill_outlook, history_of
from planrec.outlook.history import history_columns
from planrec.policies.compare import (
    JudgedDecisions,
    Row,
    advice_scores,
    bills_ahead,
    gain_table,
    money_of_advice,
    past_outlook,
    policy_table,
)
from planrec.policies.curves import frontier, gain_by_k
from planrec.preparation import Prepared, longest_history
from planrec.rules import ExclusionCode, exclusions
from planrec.rules.facts import facts_of

if TYPE_CHECKING:
    from common_utils.scoring.joblib_scorer import ProbabilityModel

MULTICLASS = "multiclass model (predicts the plan people choose)"
ANY_PLAN = "choice model (scores any plan)"
_ADVICE = "advice (as shipped)"
_RANKED_BY_K = (_ADVICE, ANY_PLAN, MULTICLASS, "most common plan")

__all__ = [
    "ANY_PLAN",
    "MULTICLASS",
    "Models",
    "choice_figures",
    "evaluate",
    "row_counts",
    "segment_labels",
    "situation_of",
    "take_probabilities",
]


@dataclass(frozen=True)
class Models:
    """The fitted models of a run.

    Attributes
    ----------
    multiclass : Scorer
        Over the plans of the training months: a baseline.
    choice : Scorer
        The selected choice model, which `/predict` answers with; scores every plan of the catalogue, launched after
        training or not.
    forecast : UsageForecast
        What the coming months' usage may be.
    """

    multiclass: Scorer
    choice: Scorer
    forecast: UsageForecast

    @classmethod
    def of(cls, multiclass: object, choice: Scorer, forecast: UsageForecast) -> Models:
        """Wrap a fitted pipeline, and the choice model as arrays."""
        from common_utils.scoring.joblib_scorer import JoblibScorer

        return cls(JoblibScorer(cast("ProbabilityModel", multiclass)), choice, forecast)

    @classmethod
    def open(cls, bundle: PlanRecBundle) -> Models:
        """Open those of a bundle; the pipeline as it was fitted."""
        return cls(bundle.pipeline_scorer(), bundle.choice, bundle.forecast)


def take_probabilities(scorer: Scorer, rows: pd.DataFrame, catalogue: Catalogue) -> FloatArray:
    """Return P(take) by catalogue position, 0 for plans never seen in training.

    Returns
    -------
    float64 array of shape (n, n_plans)
    """
    probabilities = np.zeros((len(rows), len(catalogue.plans)))
    probabilities[:, plan_indices(scorer.classes, catalogue)] = scorer.score(columns_of(rows))
    return probabilities


def evaluate(config: PlanRecConfig, prepared: Prepared, models: Models) -> dict[str, object]:
    """Return every figure of the test rows.

    Parameters
    ----------
    config : PlanRecConfig
    prepared : Prepared
    models : Models

    Returns
    -------
    dict
        `source`, `rows`, `classes`, `test` (classification with intervals), `policies`, `ndcg_gap`, `minimum_gain`,
        `segments`, `gain_by_k`, `frontier`, `confusion`, `reliability`; plain numbers, ready for JSON.
    """
    test, catalogue = prepared.test, prepared.catalogue
    taken = take_probabilities(models.multiclass, test, catalogue)
    situation = situation_of(config, prepared, test)
    history = history_of(columns_of(test), longest_history(config))
    outlook = _ahead(history, catalogue, models.forecast)
    advised = _advised(config, prepared, models.forecast)
    shipped = advised(None)
    policies = _policies(prepared, situation, history, shipped)
    policies[MULTICLASS] = taken
    policies[ANY_PLAN] = take_probabilities(models.choice, test, catalogue)
    classes = np.asarray(models.multiclass.classes, dtype=object)
    seen = taken[:, plan_indices(classes, catalogue)]
    # A plan launched after training has no column: such rows count in the policies' figures, as misses, but a
    # probability for them cannot be judged.
    judged = np.isin(test[CHOSEN_PLAN].to_numpy(dtype=object), classes)
    y = np.searchsorted(classes, test[CHOSEN_PLAN].to_numpy(dtype=object)[judged])
    return {
        "source": config.data.source,
        "synthetic": config.data.source == "simulator",
        "currency": catalogue.currency,
        "rows": {**row_counts(prepared), **_coverage(prepared)},
        "classes": classes.tolist(),
        "test": choice_figures(test[judged], classes, seen[judged], config),
        "test_rows_on_plans_launched_after_training": int((~judged).sum()),
        "policies": policy_table(policies, situation),
        "ndcg_gap": _ndcg_gap(policies[ANY_PLAN], policies[MULTICLASS], situation),
        "minimum_gain": gain_table({gain: advised(gain) for gain in config.evaluation.gain_steps_cents}, situation),
        "segments": _segments(config, prepared, situation, shipped),
        "gain_by_k": gain_by_k({name: policies[name] for name in _RANKED_BY_K}, situation),
        "frontier": frontier(policies[ANY_PLAN], outlook.adjusted(config.advice.forecast_risk_weight), situation),
        "confusion": _confusion(y, seen[judged], len(classes)),
        "reliability": reliability_table(seen[judged].max(axis=1), seen[judged].argmax(axis=1) == y),
    }


def _ndcg_gap(choice: FloatArray, multiclass: FloatArray, situation: JudgedDecisions) -> dict[str, float]:
    """NDCG@5 of the choice model less the multiclass model's, paired by decision."""
    first, second = (
        ndcg_at_k(chosen_ranks(scores, situation.chosen, situation.available), 5) for scores in (choice, multiclass)
    )
    gap = paired_mean_difference(
        first,
        second,
        groups=situation.subscribers,
        n_resamples=situation.resamples,
        rng=np.random.default_rng(situation.seed),
    )
    return gap.to_dict()


def situation_of(config: PlanRecConfig, prepared: Prepared, rows: pd.DataFrame) -> JudgedDecisions:
    """Return the choice sets, choices and bills ahead of decision rows."""
    catalogue = prepared.catalogue
    current = plan_indices(rows[CURRENT_PLAN], catalogue)
    age = rows[AGE].to_numpy(dtype=np.float64) if AGE in rows.columns else np.full(len(rows), np.nan)
    excluded = exclusions(catalogue, month_indices(rows[MONTH]), current, age)
    horizon = config.data.chosen().horizon_months
    return JudgedDecisions(
        subscribers=rows[SUBSCRIBER].to_numpy(),
        available=excluded == ExclusionCode.NONE,
        chosen=plan_indices(rows[CHOSEN_PLAN], catalogue),
        current=current,
        ahead=bills_ahead(prepared.data.months, rows, catalogue, horizon=horizon),
        resamples=config.evaluation.resamples,
        seed=config.training.seed,
    )


def _policies(
    prepared: Prepared, situation: JudgedDecisions, history: History, shipped: FloatArray
) -> dict[str, FloatArray]:
    """Scores of what needs no model."""
    catalogue = prepared.catalogue
    n_plans = len(catalogue.plans)
    counts = np.bincount(plan_indices(prepared.train[CHOSEN_PLAN], catalogue), minlength=n_plans).astype(np.float64)
    common = np.broadcast_to(counts, situation.available.shape)
    # Staying ranks the others as they are common.
    stay = np.where(np.arange(n_plans) == situation.current[:, None], np.inf, common)
    policies = {"stay": stay, "most common plan": common}
    for name, months, weight in (
        ("cheapest, last month", 1, 0.0),
        ("cheapest, mean of 3 months", 3, 0.0),
        ("cheapest, mean of 6 months", 6, 0.0),
        ("cheapest, mean of 6 months + half a sd", 6, 0.5),
    ):
        policies[name] = -past_outlook(history, catalogue, history_months=months).adjusted(weight)
    policies[_ADVICE] = shipped
    return policies


def _ahead(history: History, catalogue: Catalogue, forecast: UsageForecast) -> Outlook:
    """Return the bills of the coming months, as the shipped advice forecasts them."""
    months = forecast.scenarios(history)
    return bill_outlook(bill_totals(months.usage, catalogue), months.known)


def _advised(config: PlanRecConfig, prepared: Prepared, forecast: UsageForecast) -> Callable[[int | None], FloatArray]:
    """Return what asks the engine for the advice as shipped, or with another minimum gain; scores (n, n_plans).

    Each test row is asked at the end of the month before its decision, with the facts of that month.
    """
    rows, catalogue = prepared.test, prepared.catalogue
    engine = Engine(catalogue, prepared.rules, forecast)
    before = month_indices(rows[MONTH]) - 1
    columns = columns_of(rows)
    asked = {**columns, MONTH: np.array([month_text(month) for month in before.tolist()], dtype=object)}
    facts = facts_of(asked, plan_indices(rows[CURRENT_PLAN], catalogue), as_of=before)
    people = Subscribers.of(history_of(columns, config.advice.history_months), facts)

    def advised(gain: int | None) -> FloatArray:
        overrides = Overrides(min_gain_cents=gain)
        policy = AnswerPolicy.of(config, prepared.rules, "advice", forecast=True, overrides=overrides)
        return advice_scores(engine.answer(people, policy).advice.order)

    return advised


def choice_figures(
    rows: pd.DataFrame, classes: NDArray[np.object_], probabilities: FloatArray, config: PlanRecConfig
) -> dict[str, object]:
    """Return how well P(take) predicts the plan taken, each figure with its interval.

    Parameters
    ----------
    rows : DataFrame
        n decision rows.
    classes : array of shape (k,)
        Plan ids, sorted.
    probabilities : float64 array of shape (n, k)

    Returns
    -------
    dict
        `common_utils.evaluation.metrics.classification_metrics`, intervals by subscriber.
    """
    y = np.searchsorted(classes, rows[CHOSEN_PLAN].to_numpy(dtype=object))
    metrics = classification_metrics(y, probabilities, classes.tolist())
    intervals = metric_intervals(
        y,
        probabilities,
        groups=rows[SUBSCRIBER].to_numpy(),
        n_resamples=config.evaluation.resamples,
        rng=np.random.default_rng(config.training.seed),
    )
    return {name: intervals[name].to_dict() if name in intervals else value for name, value in metrics.items()}


def _confusion(y: IntArray, probabilities: FloatArray, n_classes: int) -> list[list[int]]:
    flat = y * n_classes + probabilities.argmax(axis=1)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes).tolist()


def _segments(config: PlanRecConfig, prepared: Prepared, situation: JudgedDecisions, shipped: FloatArray) -> list[Row]:
    """Money of the shipped advice by data usage, by what is known, and by age where there is one."""
    money = money_of_advice(shipped, situation)
    splits = segment_labels(prepared.test, config.features.history_months)
    rows: list[Row] = []
    for name, labels in splits.items():
        table = segment_table(
            money,
            labels,
            groups=situation.subscribers,
            n_resamples=situation.resamples,
            rng=np.random.default_rng(situation.seed),
        )
        rows.extend({"by": name, **row} for row in table)
    return rows


def segment_labels(rows: pd.DataFrame, history_months: int) -> dict[str, NDArray[np.object_]]:
    """Return by what rows are divided: data usage in thirds of the rows, and age where it is a column.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
        As `decisions.latest_rows` gives them.
    history_months : int
        Months of usage that are looked at.

    Returns
    -------
    dict of str to object array of shape (n,)
        Labels by what divides: `data usage`, `age`.
    """
    usage = rows[[column for column in history_columns(history_months) if column.startswith("megabytes")]]
    amounts = usage.mean(axis=1).to_numpy(dtype=np.float64)
    # Equal amounts stay together: where many used the same, nothing above all, a third can be larger, or empty.
    place = np.searchsorted(np.quantile(amounts, [1 / 3, 2 / 3]), amounts) if len(amounts) else np.zeros(0, np.int64)
    splits = {"data usage": np.array(["light", "middle", "heavy"], dtype=object)[place]}
    if AGE in rows.columns:
        bands = pd.cut(rows[AGE] // 1, [-1, 27, 59, 200], labels=["to 27", "28 to 59", "60 and over"])
        splits["age"] = bands.astype(object).fillna("unknown").astype(str).to_numpy(dtype=object)
    return splits


def row_counts(prepared: Prepared) -> dict[str, int]:
    """Return how many rows and subscribers went where."""
    train, test = prepared.train, prepared.test
    return {
        "usage_months": len(prepared.data.months),
        "subscribers": int(prepared.data.months[SUBSCRIBER].nunique()),
        "decisions": len(prepared.decisions),
        "train": len(train),
        "train_subscribers": int(train[SUBSCRIBER].nunique()),
        "test": len(test),
        "test_subscribers": int(test[SUBSCRIBER].nunique()),
    }


def _coverage(prepared: Prepared) -> dict[str, object]:
    """First and last decision month of each part, and the account of every row read."""
    train, test = prepared.train[MONTH], prepared.test[MONTH]
    return {
        "train_months": [train.min(), train.max()],
        "test_months": [test.min(), test.max()],
        "read": [report.to_dict() for report in prepared.data.reports],
    }
