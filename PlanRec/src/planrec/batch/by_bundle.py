"""What a bundle answers a file with: the one way from a bundle, settings and rules to ranked plans.

The commands and the study both ask here, so what is measured is what answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from planrec.advice import AnswerPolicy, Overrides
from planrec.batch.answers import Recommender
from planrec.batch.cell_use import CellUse
from planrec.batch.rankers import policy_ranker
from planrec.bundle import PlanRecBundle
from planrec.months import RECENT_MONTHS
from planrec.rules import Mode, Rules

__all__ = ["AskedOfBundle", "BundleAnswers", "bundle_answers"]


@dataclass(frozen=True, slots=True)
class AskedOfBundle:
    """What a bundle is asked for; what is left out is as shipped.

    Attributes
    ----------
    as_of : int
        Month index; later months are not looked at.
    mode : {"advice", "offer"}
    forecast : bool
        Whether the bundle's forecast is rated; False: the past months are, for advice alone.
    rules : Rules or None
        None: the bundle's.
    overrides : Overrides
    top : int
        Plans for each subscriber, >= 1.
    explain : bool
        Whether each answer comes with its sentence.
    recent_months : int
        How many of the latest months the last usage month may be one of.
    cells : CellUse or None
        Cells that price further plans of the bundle's card.
    """

    as_of: int
    mode: Mode = "advice"
    forecast: bool = True
    rules: Rules | None = None
    overrides: Overrides = field(default_factory=Overrides)
    top: int = 3
    explain: bool = False
    recent_months: int = RECENT_MONTHS
    cells: CellUse | None = None


@dataclass(frozen=True, slots=True)
class BundleAnswers:
    """What answers, and what it weighs.

    Attributes
    ----------
    recommender : Recommender
        What `batch.files.write_recommendations` takes.
    policy : AnswerPolicy
    rules : Rules
        With the minimum gain that was asked for.
    """

    recommender: Recommender
    policy: AnswerPolicy
    rules: Rules


def bundle_answers(bundle: PlanRecBundle, asked: AskedOfBundle) -> BundleAnswers:
    """Return what answers a file of usage months by a bundle.

    Parameters
    ----------
    bundle : PlanRecBundle
    asked : AskedOfBundle

    Raises
    ------
    ConfigError
        If offers are asked of a bundle that makes none.
    """
    if asked.mode == "offer":
        bundle.offering()
    rules = bundle.rules if asked.rules is None else asked.rules
    policy = AnswerPolicy.of(bundle.config, rules, asked.mode, forecast=asked.forecast, overrides=asked.overrides)
    rules = rules.asking(asked.mode, asked.overrides.min_gain_cents)
    engine = bundle.engine(rules)
    if asked.cells is not None:
        engine = asked.cells.engine(engine)
    ranker = policy_ranker(engine if asked.forecast else replace(engine, forecast=None), policy)
    recommender = Recommender(
        engine.catalogue,
        ranker,
        asked.as_of,
        policy.history_months,
        asked.top,
        asked.explain,
        asked.recent_months,
        cells=asked.cells,
    )
    return BundleAnswers(recommender, policy, rules)
