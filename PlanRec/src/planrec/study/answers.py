"""Asking a bundle as the commands do, from file to file, and reading the answers back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.array_types import FloatArray, IntArray
from common_utils.tables import write_table
from planrec.advice import AnswerPolicy, Overrides
from planrec.batch.by_bundle import AskedOfBundle, bundle_answers
from planrec.batch.files import write_recommendations
from planrec.batch.rankers import OFFER_COLUMNS
from planrec.bundle import PlanRecBundle
from planrec.columns import SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import plan_indices
from planrec.months import month_text
from planrec.rules import ExclusionCode, Mode, Rules
from planrec.study.worlds import World

__all__ = [
    "CURVE",
    "OFFER",
    "PAST",
    "RE_RATING",
    "SHIPPED",
    "WITHOUT_CERTAINTY",
    "Answers",
    "StudyPolicy",
    "ask",
    "write_usage",
]


@dataclass(frozen=True, slots=True)
class StudyPolicy:
    """A way to ask a bundle; what is left out is as shipped.

    Attributes
    ----------
    key : str
        Name of its figures.
    mode : {"advice", "offer"}
    forecast : bool
        False: the past months are rated (`--basis past`).
    certainty : float or None
        `minimum_gain.advice_certainty`; None: that of the bundle's rules.
    overrides : Overrides
        As the options of `recommend`.
    """

    key: str
    mode: Mode = "advice"
    forecast: bool = True
    certainty: float | None = None
    overrides: Overrides = field(default_factory=Overrides)

    def rules(self, rules: Rules) -> Rules:
        """Return a bundle's rules, or the same with another certainty."""
        if self.certainty is None:
            return rules
        gain = rules.minimum_gain.model_copy(update={"advice_certainty": self.certainty})
        return rules.model_copy(update={"minimum_gain": gain})

    def title(self, config: PlanRecConfig, rules: Rules) -> str:
        """Return the policy's name: its settings, and whether they are the shipped ones.

        Examples
        --------
        >>> from planrec.config import load_planrec_config
        >>> from planrec.rules import built_in_rules
        >>> SHIPPED.title(load_planrec_config(project, environ={}), built_in_rules())
        'advice: forecast, risk weight 0.1, minimum gain 1.00, certainty 0.65 (as shipped)'
        >>> PAST.title(load_planrec_config(project, environ={}), built_in_rules())
        'advice: past 6 month(s), risk weight 0.5, minimum gain 1.00'
        """
        policy = AnswerPolicy.of(config, rules, self.mode, forecast=self.forecast, overrides=self.overrides)
        basis = "forecast" if self.forecast else f"past {policy.history_months} month(s)"
        parts = [basis, f"risk weight {policy.risk_weight:g}", f"minimum gain {policy.min_gain_cents / 100:z.2f}"]
        if self.mode == "advice" and self.forecast:  # past months are not asked how certain a saving is
            parts.append(f"certainty {self.rules(rules).minimum_gain.advice_certainty:g}")
        shipped = self.forecast and self.certainty is None and self.overrides == Overrides()
        return f"{self.mode}: {', '.join(parts)}{' (as shipped)' if shipped else ''}"


def _re_rating(key: str, months: int, weight: float) -> StudyPolicy:
    return StudyPolicy(key, forecast=False, certainty=0.0, overrides=Overrides(months, weight, 0))


SHIPPED, OFFER = StudyPolicy("shipped"), StudyPolicy("offer", mode="offer")
WITHOUT_CERTAINTY = StudyPolicy("without_certainty", certainty=0.0)
PAST = StudyPolicy("past", forecast=False)
RE_RATING: Sequence[StudyPolicy] = (
    _re_rating("last month", 1, 0.0),
    _re_rating("mean of 3 months", 3, 0.0),
    _re_rating("mean of 6 months", 6, 0.0),
    _re_rating("mean of 6 months + half a sd", 6, 0.5),
)
CURVE: Sequence[StudyPolicy] = tuple(StudyPolicy(f"certainty {c:g}", certainty=c) for c in (0.25, 0.5, 0.75, 1.0, 1.5))


@dataclass(frozen=True)
class Answers:
    """What a bundle answered at the moments of a world; n rows, m plans.

    Attributes
    ----------
    order : int64 array of shape (n, n_plans)
        Plan indices from rank 1 on, -1 where no further plan is ranked.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode`.
    by_plan : mapping of str to float64 array of shape (n, n_plans)
        `expected_bill_cents` and, of offers, `p_accept`, `offer_value_cents`, `churn_change`; NaN where not ranked.
    elsewhere : int
        Switches told to subscribers who stand at no moment: they had no usage in the month asked.
    """

    order: IntArray
    excluded: IntArray
    by_plan: Mapping[str, FloatArray]
    elsewhere: int

    @property
    def first(self) -> IntArray:
        """The plan on rank 1, -1 where none is; int64 array of shape (n,)."""
        return self.order[:, 0]


def write_usage(world: World, folder: Path) -> Path:
    """Write the usage months a bundle is asked with; return the file."""
    path = folder / "usage.parquet"
    write_table(world.usage, path)
    return path


def ask(bundle: PlanRecBundle, world: World, policy: StudyPolicy, usage: Path) -> Answers:
    """Return what a bundle answers, by the function that `planrec recommend` calls.

    Parameters
    ----------
    bundle : PlanRecBundle
        With the rate card of the world.
    world : World
    policy : StudyPolicy
    usage : Path
        What `write_usage` wrote; the answers are written beside it.
    """
    moments, plan_ids = world.moments, world.operator.catalogue.plan_ids
    n, n_plans = moments.bills.shape
    order, excluded = np.full((n, n_plans), -1, dtype=np.int64), np.zeros((n, n_plans), dtype=np.int64)
    names = ("expected_bill_cents", *(n for n, kind in OFFER_COLUMNS.items() if kind != "text"))
    by_plan = {name: np.full((n, n_plans), np.nan) for name in (names if policy.mode == "offer" else names[:1])}
    codes = {code.name: int(code) for code in ExclusionCode}
    elsewhere = 0
    for as_of in np.unique(moments.as_of).tolist():
        here = np.flatnonzero(moments.as_of == as_of)
        index = pd.Index(moments.subscribers[here])
        ranked, left_out = _files(bundle, policy, usage, as_of, len(plan_ids))
        row = index.get_indexer(pd.Index(ranked[SUBSCRIBER]))
        first = (ranked["rank"] == 1).to_numpy()
        elsewhere += int((first & (ranked["advice"] == "switch").to_numpy() & (row < 0)).sum())
        ranked, row = ranked[row >= 0], here[row[row >= 0]]
        plan = plan_indices(ranked["plan_id"], world.operator.catalogue)
        order[row, ranked["rank"].to_numpy() - 1] = plan
        for name, values in by_plan.items():
            values[row, plan] = ranked[name].to_numpy(dtype=np.float64)
        row = index.get_indexer(pd.Index(left_out[SUBSCRIBER]))
        left_out, row = left_out[row >= 0], here[row[row >= 0]]
        excluded[row, plan_indices(left_out["plan_id"], world.operator.catalogue)] = left_out["reason_code"].map(codes)
    return Answers(order, excluded, by_plan, elsewhere)


def _files(
    bundle: PlanRecBundle, policy: StudyPolicy, usage: Path, as_of: int, top: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    asked = AskedOfBundle(
        as_of,
        policy.mode,
        forecast=policy.forecast,
        rules=policy.rules(bundle.rules),
        overrides=policy.overrides,
        top=top,
        recent_months=bundle.config.features.recent_months,
    )
    stem = f"{policy.key} {month_text(as_of)}"
    output, left_out = usage.with_name(f"{stem}.parquet"), usage.with_name(f"{stem} excluded.parquet")
    write_recommendations(usage, bundle_answers(bundle, asked).recommender, output, excluded_output=left_out)
    return _text(pd.read_parquet(output)), _text(pd.read_parquet(left_out))


def _text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with plain text where the file held dictionaries."""
    words = [name for name in table.columns if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(words, "str"))
