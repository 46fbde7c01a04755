from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common_utils.errors import ArtifactError, ConfigError, DataError
from planrec.advice import Engine, Subscribers, advise
from planrec.advice import engine as advice_engine
from planrec.advice.engine import OfferModels
from planrec.advice.ranking import AdvicePolicy
from planrec.billing import Catalogue
from planrec.offers import AcceptanceModel, LeavingModel, OfferWeights
from planrec.offers.acceptance import ACCEPTANCE_FEATURES
from planrec.offers.leaving import LEAVING_FEATURES
from planrec.outlook import SERVICES, History, UsageForecast, history_of
from planrec.outlook.forecast import SCENARIOS, ServiceForecast
from planrec.rules import ExclusionCode, Facts, Rules, built_in_rules

MONTH = 24216
SURF, ULTIMATE = 0, 1
WILLING = Facts.of(MONTH, np.array([ULTIMATE]), consent=True, contacts_90d=0.0, holdout=False)


def months(minutes: float = 400.0) -> History:
    return history_of({"minutes_1": [minutes], "messages_1": [10.0], "megabytes_1": [9000.0]}, 1)


def nobody() -> History:
    return history_of({"minutes_1": [np.nan], "messages_1": [np.nan], "megabytes_1": [np.nan]}, 1)


def models(accept: float = 0.0, contacted: float = 0.0, accepted: float = 0.0, doubt: float = 0.0) -> OfferModels:
    """P(accept) is 1/2 unless `accept` moves its logit; a contact reminds of what is overpaid; acceptance keeps."""
    said = {"overpaid_when_contacted": contacted, "accepted": accepted}
    leaving = np.array([said.get(name, 0.0) for name in LEAVING_FEATURES])
    covariance = np.diag([doubt**2 if name == "accepted" else 0.0 for name in (*LEAVING_FEATURES, "intercept")])
    return OfferModels(
        AcceptanceModel(np.zeros(len(ACCEPTANCE_FEATURES)), accept),
        LeavingModel(leaving, intercept=0.0, covariance=covariance),
    )


def doubling() -> UsageForecast:
    """Usage doubles; a newcomer uses e^6 of everything."""
    service = ServiceForecast(
        coefficients=np.array([[6.0, 0.0], [np.log(2), 1.0]]),
        scale=np.array([1.0, 0.0]),
        prior=np.full(2, np.inf),
        inflation=np.ones(2),
        quantiles=np.array([np.linspace(-1, 1, SCENARIOS), np.zeros(SCENARIOS)]),
        used=1.0,
    )
    return UsageForecast(dict.fromkeys(SERVICES, service))


def engine(card: Catalogue, **parts: object) -> Engine:
    return replace(Engine(card, built_in_rules()), **parts)  # type: ignore[arg-type]


def names(card: Catalogue, order: np.ndarray) -> list[str]:
    return [card.plan_ids[plan] for plan in order if plan >= 0]


def test_advice_without_a_forecast_is_that_of_the_months(megaline: Catalogue) -> None:
    people = Subscribers.of(months(), Facts.of(MONTH, np.array([ULTIMATE])))
    answer = engine(megaline).advise(people, risk_weight=0.5)
    plain = advise(
        months(), megaline, AdvicePolicy(0.5, built_in_rules().min_gain_cents("advice")), rules=built_in_rules(),
        facts=people.facts,
    )  # fmt: skip
    np.testing.assert_array_equal(answer.advice.order, plain.order)
    assert answer.offer is None
    assert answer.basis.known.shape == (1, 1)


def test_advice_with_a_forecast_rates_the_coming_months(megaline: Catalogue) -> None:
    people = Subscribers.of(months(800), Facts.of(MONTH, np.array([SURF])))
    now = engine(megaline).advise(people, risk_weight=0.0)
    then = engine(megaline, forecast=doubling()).advise(people, risk_weight=0.0)
    assert now.advice.expected_cents[0, SURF] == 2000 + 300 * 3
    # 1,600 minutes, 20 messages and 18,000 MB (18 units of 1,024): 1,100 x 0.03 and 3 x 10.00 beyond the allowance
    assert then.advice.expected_cents[0, SURF] == 2000 + 1100 * 3 + 3 * 1000
    assert then.basis.known.shape == (1, SCENARIOS)


def test_a_newcomer_without_a_month_is_answered_by_the_forecast_only(megaline: Catalogue) -> None:
    people = Subscribers.of(nobody(), Facts.of(MONTH, np.array([SURF])))
    with pytest.raises(DataError, match=r"1 subscriber\(s\) have no usage month"):
        engine(megaline).advise(people, risk_weight=0.0)
    new = engine(megaline, forecast=doubling()).advise(people, risk_weight=0.0)
    known = engine(megaline, forecast=doubling()).advise(replace(people, history=months()), risk_weight=0.0)
    assert np.isfinite(new.advice.expected_cents).all()
    assert new.advice.spread_cents[0, SURF] > known.advice.spread_cents[0, SURF]


def test_usage_that_is_only_said_is_answered_wider(megaline: Catalogue) -> None:
    wide = replace(doubling().services["minutes"], quantiles=np.array([np.linspace(-1, 1, SCENARIOS)] * 2))
    asked = engine(megaline, forecast=UsageForecast(dict.fromkeys(SERVICES, wide)))
    facts = Facts.of(MONTH, np.array([SURF]))
    recorded = asked.advise(Subscribers.of(months(), facts), risk_weight=0.0)
    said = asked.advise(Subscribers.of(months(), facts, extra_sd=np.array([0.5])), risk_weight=0.0)
    assert said.advice.spread_cents[0, SURF] > recorded.advice.spread_cents[0, SURF]


def test_an_offer_is_worth_the_chance_times_the_saving(megaline: Catalogue) -> None:
    answer = engine(megaline, offers=models()).offer(Subscribers.of(months(), WILLING), weights=OfferWeights(risk=0.0))
    assert answer.offer is not None
    assert answer.offer.value_cents[0].tolist() == pytest.approx([0.5 * 5000, np.nan], nan_ok=True)
    assert names(megaline, answer.advice.order[0]) == ["surf", "ultimate"]
    assert not answer.advice.stay[0]


def test_an_offer_that_drives_away_is_not_made(megaline: Catalogue) -> None:
    # 50.00 overpaid: a contact lifts P(leaving) from 1/2 to almost 1 for the half that declines.
    people, worth = Subscribers.of(months(), WILLING), OfferWeights(risk=0.0, churn_cents=0)
    gone = engine(megaline, offers=models(contacted=1.0)).offer(people, weights=worth)
    assert gone.offer is not None
    assert gone.offer.churn_change[0, SURF] == pytest.approx(0.25, abs=1e-6)
    assert gone.offer.value_cents[0, SURF] > 0  # whatever it saves
    assert names(megaline, gone.advice.order[0]) == ["ultimate"]
    assert gone.advice.excluded[0, SURF] == ExclusionCode.CHURN_MAY_RISE
    assert gone.advice.stay_reason[0] == ExclusionCode.CHURN_MAY_RISE
    kept = engine(megaline, offers=models(accepted=-1.0)).offer(people, weights=worth)
    assert names(megaline, kept.advice.order[0]) == ["surf", "ultimate"]


def bounded(errors: float, fall: float) -> Rules:
    """The built-in rules with another bound on leaving."""
    rules = built_in_rules()
    offers = rules.offers.model_copy(update={"churn_errors": errors, "min_churn_fall": fall})
    return rules.model_copy(update={"offers": offers})


@pytest.mark.parametrize(
    ("errors", "fall", "made"),
    [
        pytest.param(0.0, 0.115, True, id="a-fall-that-is-enough"),
        pytest.param(0.0, 0.116, False, id="a-fall-that-is-too-small"),
        pytest.param(1.0, 0.0, True, id="sure-by-one-error"),
        pytest.param(3.0, 0.0, False, id="not-sure-by-three-errors"),
    ],
)
def test_an_offer_lowers_leaving_by_more_than_the_doubt_about_it(
    megaline: Catalogue, errors: float, fall: float, *, made: bool
) -> None:
    # Half accept, and then leave with 1 / (1 + e) = .269 instead of .5; an error of .5 in the logit is .049 of that.
    asked = engine(megaline, offers=models(accepted=-1.0, doubt=0.5), rules=bounded(errors, fall))
    answer = asked.offer(Subscribers.of(months(), WILLING), weights=OfferWeights(risk=0.0))
    assert answer.offer is not None
    assert answer.offer.churn_change[0, SURF] == pytest.approx(-0.1155, abs=1e-4)
    assert answer.advice.excluded[0, SURF] == (ExclusionCode.NONE if made else ExclusionCode.CHURN_MAY_RISE)
    assert answer.advice.stay_reason[0] == answer.advice.excluded[0, SURF]


def test_an_offer_that_gains_too_little_is_not_said_to_drive_away(megaline: Catalogue) -> None:
    people = Subscribers.of(months(), WILLING)
    answer = engine(megaline, offers=models(contacted=1.0)).offer(
        people, weights=OfferWeights(risk=0.0), min_gain_cents=5001
    )
    assert answer.advice.excluded[0, SURF] == ExclusionCode.BELOW_MINIMUM_GAIN
    assert answer.advice.stay_reason[0] == ExclusionCode.BELOW_MINIMUM_GAIN


def test_an_offer_has_to_gain_enough(megaline: Catalogue) -> None:
    asked = engine(megaline, offers=models())
    people = Subscribers.of(months(), WILLING)
    for gain, first in ((5000, "surf"), (5001, "ultimate")):
        answer = asked.offer(people, weights=OfferWeights(risk=0.0), min_gain_cents=gain)
        assert names(megaline, answer.advice.order[0])[0] == first
    assert answer.advice.stay_reason[0] == ExclusionCode.BELOW_MINIMUM_GAIN


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        pytest.param({"consent": False}, ExclusionCode.NO_CONSENT, id="no-consent"),
        pytest.param({"holdout": True}, ExclusionCode.HELD_OUT, id="held-out"),
        pytest.param({"contacts_90d": 9.0}, ExclusionCode.CONTACT_CAP, id="contacted-too-often"),
        pytest.param({"used": False}, ExclusionCode.NO_USAGE, id="used-nothing"),
    ],
)
def test_nobody_is_offered_what_the_rules_forbid(
    megaline: Catalogue, fact: dict[str, float], code: ExclusionCode
) -> None:
    facts = Facts.of(
        MONTH,
        np.array([ULTIMATE]),
        **({"consent": True, "contacts_90d": 0.0, "holdout": False} | fact),  # type: ignore[arg-type]
    )
    answer = engine(megaline, offers=models()).offer(Subscribers.of(months(), facts), weights=OfferWeights())
    assert names(megaline, answer.advice.order[0]) == ["ultimate"]
    assert answer.advice.excluded[0, SURF] == code
    assert answer.advice.stay_reason[0] == code


def test_whoever_holds_an_unknown_plan_is_offered_nothing(megaline: Catalogue) -> None:
    facts = Facts.of(MONTH, np.array([-1]), contract_months_left=0.0, consent=True, contacts_90d=0.0, holdout=False)
    answer = engine(megaline, offers=models()).offer(Subscribers.of(months(), facts), weights=OfferWeights())
    assert names(megaline, answer.advice.order[0]) == []
    assert (answer.advice.excluded[0] == ExclusionCode.CURRENT_PLAN_UNKNOWN).all()
    assert answer.advice.stay[0]
    assert answer.advice.stay_reason[0] == ExclusionCode.CURRENT_PLAN_UNKNOWN


def test_a_plan_a_subscriber_does_not_want_is_left_out_in_both_modes(megaline: Catalogue) -> None:
    asked = engine(megaline, offers=models())
    people = Subscribers.of(months(), WILLING, declined=np.array([[True, True]]))
    for answer in (asked.advise(people, risk_weight=0.0), asked.offer(people, weights=OfferWeights())):
        assert names(megaline, answer.advice.order[0]) == ["ultimate"]  # the plan held can always be kept
        assert answer.advice.excluded[0, SURF] == ExclusionCode.DECLINED


def test_a_newcomer_can_be_offered_a_plan(megaline: Catalogue) -> None:
    asked = engine(megaline, forecast=doubling(), offers=models())
    both = history_of({"minutes_1": [400.0, np.nan], "messages_1": [10.0, np.nan], "megabytes_1": [9000.0, np.nan]}, 1)
    facts = Facts.of(MONTH, np.array([ULTIMATE, ULTIMATE]), consent=True, contacts_90d=0.0, holdout=False)
    answer = asked.offer(Subscribers.of(both, facts), weights=OfferWeights())
    assert answer.offer is not None
    assert np.isfinite(answer.offer.value_cents[:, SURF]).all()


def test_without_a_log_of_offers_there_is_nothing_to_offer(megaline: Catalogue) -> None:
    with pytest.raises(ConfigError, match="trained without a log of offers; train it on a source that has one"):
        engine(megaline).offer(Subscribers.of(months(), WILLING), weights=OfferWeights())


def test_offer_models_survive_a_file_and_refuse_a_torn_one() -> None:
    there = models(accept=0.25, contacted=1.5)
    assert OfferModels.from_dict(there.to_dict()).to_dict() == there.to_dict()
    with pytest.raises(ArtifactError, match="acceptance model: a weight is missing or is not a number"):
        OfferModels.from_dict({"leaving": there.leaving.to_dict()})
    unsure = there.to_dict()
    del unsure["leaving"]["covariance"]
    with pytest.raises(ArtifactError, match="leaving model: a weight is missing or is not a number"):
        OfferModels.from_dict(unsure)
    torn = there.to_dict()
    torn["leaving"]["weights"]["rise"] = float("nan")
    with pytest.raises(ArtifactError, match="leaving model: a weight is missing or is not a number"):
        OfferModels.from_dict(torn)


def test_tenure_counts_the_month_of_the_first_usage_as_one(megaline: Catalogue) -> None:
    # 11 months since the first one: a year with the operator. Odds of leaving 1 to 3 for a year, times 3 for whoever
    # accepts: 1/4 becomes 1/2 for the half that accepts. Eleven twelfths of a year would give other chances.
    weights = {"tenure_years": -np.log(3), "accepted": np.log(3)}
    leaving = LeavingModel(np.array([weights.get(name, 0.0) for name in LEAVING_FEATURES]), intercept=0.0)
    asked = engine(megaline, offers=OfferModels(models().acceptance, leaving))
    people = Subscribers.of(months(), WILLING, tenure_months=np.array([11.0]))
    answer = asked.offer(people, weights=OfferWeights())
    assert answer.offer is not None
    assert answer.offer.churn_change[0, SURF] == pytest.approx(0.5 * (0.5 - 0.25))


def test_whoever_holds_the_first_plan_is_offered_another(megaline: Catalogue) -> None:
    # 25 units of data beyond on surf: 20.00 + 250.00; ultimate: 70.00 + 10 x 7.00.
    heavy = history_of({"minutes_1": [400.0], "messages_1": [10.0], "megabytes_1": [40_960.0]}, 1)
    facts = Facts.of(MONTH, np.array([SURF]), consent=True, contacts_90d=0.0, holdout=False)
    answer = engine(megaline, offers=models()).offer(Subscribers.of(heavy, facts), weights=OfferWeights(risk=0.0))
    assert answer.offer is not None
    assert answer.offer.value_cents[0].tolist() == pytest.approx([np.nan, 0.5 * (27_000 - 14_000)], nan_ok=True)
    assert names(megaline, answer.advice.order[0]) == ["ultimate", "surf"]
    assert answer.advice.excluded[0].tolist() == [ExclusionCode.NONE, ExclusionCode.NONE]


def test_only_the_plans_named_are_declined(megaline: Catalogue) -> None:
    people = Subscribers.of(months(), WILLING, declined=np.array([[False, True]]))
    answer = engine(megaline, offers=models()).offer(people, weights=OfferWeights())
    assert names(megaline, answer.advice.order[0]) == ["surf", "ultimate"]


def test_overpayment_is_that_of_the_months_known_where_there_is_one(megaline: Catalogue) -> None:
    # 50.00 overpaid in the month known triple the odds of leaving: 3/4, and 1/2 for who accepts. The forecast, by which
    # surf would cost 59.00 or more, has no say in it, though the second of the two months looked at is not known.
    weights = {"overpaid": np.log(3) / 50}
    leaving = LeavingModel(np.array([weights.get(name, 0.0) for name in LEAVING_FEATURES]), intercept=0.0)
    asked = engine(megaline, forecast=doubling(), offers=OfferModels(models().acceptance, leaving))
    gap = {f"{service}_2": [np.nan] for service in SERVICES}
    two = history_of({"minutes_1": [400.0], "messages_1": [10.0], "megabytes_1": [9000.0], **gap}, 2)
    answer = asked.offer(Subscribers.of(two, WILLING), weights=OfferWeights())
    assert answer.offer is not None
    assert answer.offer.churn_change[0, SURF] == pytest.approx(0.5 * 0.5 + 0.5 * 0.75 - 0.75)


def test_a_newcomer_is_offered_the_same_before_and_after_somebody_who_is_known(megaline: Catalogue) -> None:
    # The saving counts in the answer, a 1,000th of its logit a unit: whose months are whose can be told.
    compared = AcceptanceModel(np.full(len(ACCEPTANCE_FEATURES), 0.001), 0.0)
    asked = engine(megaline, forecast=doubling(), offers=OfferModels(compared, models().leaving))
    facts = Facts.of(MONTH, np.array([ULTIMATE, ULTIMATE]), consent=True, contacts_90d=0.0, holdout=False)
    chances: list[list[float]] = []
    for first, second in ((400.0, np.nan), (np.nan, 400.0)):
        scale = np.array([first, second]) / 400
        both = history_of({"minutes_1": 400 * scale, "messages_1": 10 * scale, "megabytes_1": 9000 * scale}, 1)
        answer = asked.offer(Subscribers.of(both, facts), weights=OfferWeights())
        assert answer.offer is not None
        chances.append(answer.offer.p_accept[:, SURF].tolist())
    assert chances[0] == pytest.approx(chances[1][::-1])
    assert chances[0][0] != pytest.approx(chances[0][1])


def test_the_bound_on_leaving_is_named_only_where_no_rule_keeps_the_plan_back() -> None:
    risen, small = ExclusionCode.CHURN_MAY_RISE, ExclusionCode.BELOW_MINIMUM_GAIN
    codes = np.array([[0, risen]] * 3)
    reasons = np.array([small, ExclusionCode.CONTRACT_BINDS, ExclusionCode.NONE])
    told = advice_engine._stay_reason(reasons, codes, np.zeros(3, dtype=np.int64))
    assert told.tolist() == [risen, ExclusionCode.CONTRACT_BINDS, ExclusionCode.NONE]
