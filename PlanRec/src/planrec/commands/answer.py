"""`planrec bill`, `recommend` and `predict`: files of usage months in, files of answers out."""

from __future__ import annotations

from planrec.commands.options import (
    AdviceCardOption,
    AdviceWeightOption,
    AnswerMode,
    BundleOption,
    ConfigOption,
    ExcludedOption,
    ExplainOption,
    HistoryOption,
    MinGainOption,
    ModeOption,
    MonthOption,
    OutputOption,
    PlansOption,
    RulesOption,
    SetOption,
    TopOption,
    UsageOption,
)
from planrec.commands.requests import BillRequest, PredictRequest, RecommendRequest, SettingsRequest

__all__ = ["bill", "predict", "recommend"]


def bill(usage: UsageOption, plans: PlansOption, output: OutputOption) -> None:
    """Rate usage months on every plan of a rate card, with line items, in whole cents."""
    from planrec.commands.run.answer import run_bill

    run_bill(BillRequest(usage, plans, output))


def recommend(
    usage: UsageOption,
    as_of: MonthOption,
    output: OutputOption,
    plans: AdviceCardOption = None,
    top: TopOption = 3,
    mode: ModeOption = AnswerMode.advice,
    rules: RulesOption = None,
    min_gain_cents: MinGainOption = None,
    history_months: HistoryOption = None,
    risk_weight: AdviceWeightOption = None,
    excluded_output: ExcludedOption = None,
    explain: ExplainOption = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Rank the plans of each subscriber by what their own months would have cost, or choose an offer; or say stay."""
    from planrec.commands.run.answer import run_recommend

    run_recommend(
        RecommendRequest(
            SettingsRequest.of(config, overrides),
            usage,
            as_of,
            output,
            mode,
            top=top,
            explain=explain,
            plans=plans,
            rules=rules,
            min_gain_cents=min_gain_cents,
            history_months=history_months,
            risk_weight=risk_weight,
            excluded_output=excluded_output,
            bundle=bundle,
        )
    )


def predict(
    usage: UsageOption,
    as_of: MonthOption,
    output: OutputOption,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the plan each subscriber is expected to choose, with P(take) of every plan."""
    from planrec.commands.run.answer import run_predict

    run_predict(PredictRequest(SettingsRequest.of(config, overrides), usage, as_of, output, bundle))
