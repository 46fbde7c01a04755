"""The study as tables: every promise with its measure, what it must reach, and whether it does; then the detail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.reporting.cards import markdown_table
from planrec.reporting.tables import Cells
from planrec.study.figures import ANY_PLAN, BASELINES, MULTICLASS, Figures
from planrec.study.safeguards import DefectFigures, LeakFigures

__all__ = ["Promise", "Study", "detail_tables", "promises", "study_document"]


_STRONG = "mean of 6 months + half a sd"
_WORLDS = {"known": "known plans", "launch": "with the launched plan"}
_NEVER, _MUST, _GOAL, _SHOWN = "NO", "must", "goal", "shown"


@dataclass(frozen=True)
class Study:
    """What was measured.

    Attributes
    ----------
    operators : dict of str to list of dict
        By choice process, one set of figures for each seed; see `study.measure.measure_operator`.
    seeds : tuple of int
    leaks : LeakFigures
    defects : DefectFigures
    currency : str
    safe_gain_cents : int
        The minimum gain at which harm is judged.
    """

    operators: dict[str, list[Figures]]
    seeds: tuple[int, ...]
    leaks: LeakFigures
    defects: DefectFigures
    currency: str
    safe_gain_cents: int

    def values(self, process: str, name: str) -> FloatArray:
        """Return a figure of every operator; float64 array of shape (n_seeds,)."""
        return np.array([figures[name] for figures in self.operators[process]])


@dataclass(frozen=True)
class Promise:
    """One line of the table.

    Attributes
    ----------
    what, truth, measured, must, goal : str
    reached : str
        `goal`, `must`, `NO`, or `shown` where nothing was promised.
    """

    what: str
    truth: str
    measured: str
    must: str
    goal: str
    reached: str

    def cells(self) -> Cells:
        """Return the line as text by column."""
        return {
            "what": self.what,
            "truth": self.truth,
            "measured: mean (sd over operators)": self.measured,
            "must": self.must,
            "goal": self.goal,
            "reached": self.reached,
        }


def promises(study: Study) -> list[Promise]:
    """Return every promise with its measure."""
    lines = [*_oracle_lines(study)]
    for process in study.operators:
        lines += _choice_lines(study, process)
    for process in study.operators:
        lines += _money_lines(study, process)
    for process in study.operators:
        lines += _harm_lines(study, process)
    for process in study.operators:
        lines += _off_policy_lines(study, process)
    return [*lines, *_guard_lines(study)]


def _oracle_lines(study: Study) -> list[Promise]:
    if "logit" not in study.operators:
        return []
    lines: list[Promise] = []
    for figure, low, high in (("accuracy", 0.59, 0.65), ("ndcg_at_5", 0.79, 0.84)):
        values = study.values("logit", f"known.oracle_of_all.{figure}")
        inside = low <= values.mean() <= high
        title = f"choice oracle on 12 plans, all decisions: {figure.replace('_', ' ')}"
        lines.append(
            Promise(title, "logit", _spread(values), f"{low:z.2f} to {high:z.2f}", "", _MUST if inside else _NEVER)
        )
    return lines


def _choice_lines(study: Study, process: str) -> list[Promise]:
    gated = process == "logit"
    lines: list[Promise] = []
    for world, must, goal in (("known", 0.94, 0.96), ("launch", 0.93, 0.95)):
        model, oracle = (study.values(process, f"{world}.choice.{m}.ndcg_at_5") for m in (ANY_PLAN, "oracle"))
        title = f"NDCG@5, {_WORLDS[world]}: share of the choice oracle's"
        lines.append(_at_least(title, process, model / oracle, must, goal, gated=gated))
        won = model - study.values(process, f"{world}.choice.{MULTICLASS}.ndcg_at_5")
        lines.append(_above(f"NDCG@5, {_WORLDS[world]}: less the multiclass model's", process, won, digits=4))
    hit, oracle = (study.values(process, f"launch.choice.{m}.hit_at_3_launched") for m in (ANY_PLAN, "oracle"))
    reached = _GOAL if hit.mean() >= max(oracle.mean(), 0.93) else _MUST if hit.mean() >= 0.93 else _NEVER
    lines.append(
        Promise("hit@3 on the launched plan", process, _spread(hit), "0.93", f"{oracle.mean():z.3f} (oracle)", reached)
    )
    for world, where in _WORLDS.items():
        error = study.values(process, f"{world}.choice.{ANY_PLAN}.ece")
        lines.append(_at_most(f"ECE of P(take), {where}", process, error, 0.03, 0.015))
    for world, where in _WORLDS.items():
        top, floor = (study.values(process, f"{world}.choice.{m}.ece_top") for m in (ANY_PLAN, "oracle"))
        measured = f"{_spread(top)}; the oracle's {floor.mean():z.3f}"
        lines.append(Promise(f"ECE of the plan ranked first alone, {where}", process, measured, "", "", _SHOWN))
    return lines


def _money_lines(study: Study, process: str) -> list[Promise]:
    lines: list[Promise] = []
    for world in _WORLDS:
        gap = study.values(process, f"{world}.regret.advice") - study.values(process, f"{world}.regret.{_STRONG}")
        mean, error = gap.mean() / 100, _standard_error(gap) / 100
        reached = _GOAL if mean < -2 * error else _MUST if mean <= 0 else _NEVER
        title = (
            f"advice, {_WORLDS[world]}: regret less that of re-rating 6 months + half a sd, {study.currency} a month"
        )
        lines.append(
            Promise(title, process, f"{mean:+z.2f} (se {error:z.2f})", "not above 0", "below by 2 se", reached)
        )
    for world, must, goal in (("known", 0.67, 0.72), ("launch", 0.70, 0.75)):
        offer, oracle = (study.values(process, f"{world}.offers.{name}") for name in ("offer", "oracle"))
        title = f"offer, {_WORLDS[world]}: accepted saving, share of the oracle's"
        lines.append(_at_least(title, process, offer / oracle, must, goal))
        best = max(BASELINES, key=lambda name: study.values(process, f"{world}.offers.{name}").mean())
        won = offer - study.values(process, f"{world}.offers.{best}")
        title = f"offer, {_WORLDS[world]}: accepted saving less the best re-rating's ({best}), {study.currency}"
        lines.append(_above(title, process, won / 100, digits=3))
    return lines


def _harm_lines(study: Study, process: str) -> list[Promise]:
    lines: list[Promise] = []
    gain = f"minimum gain {study.safe_gain_cents / 100:z.2f}"
    for world in _WORLDS:
        safe = study.values(process, f"{world}.harm.not_worse_off")
        lines.append(_at_least(f"not worse off, {gain}, {_WORLDS[world]}", process, safe, 0.91, 0.93))
        loss = study.values(process, f"{world}.harm.loss_p95_cents") / 100
        lines.append(_at_most(f"P95 loss a month, {gain}, {_WORLDS[world]}", process, loss, 5.0, 4.0, digits=2))
    targeted, untargeted, alone = (
        study.values(process, f"campaign.{name}") for name in ("targeted", "untargeted", "no_contact")
    )
    change = targeted - alone
    title = "targeted by uplift alone, which no command does: 3-month churn less the hold-out's, points"
    lines.append(Promise(title, process, _difference(100 * change, 2), "", "", _SHOWN))
    title = "untargeted cheapest-plan campaign: likewise"
    lines.append(Promise(title, process, _difference(100 * (untargeted - alone), 2), "", "clearly above", _SHOWN))
    broken = sum(study.values(process, f"{w}.violations.{mode}").sum() for w in _WORLDS for mode in ("advice", "offer"))
    asked = sum(study.values(process, f"{world}.violations.recommendations").sum() for world in _WORLDS)
    measured = f"{broken:z,.0f} of {asked:z,.0f} recommended plans"
    lines.append(Promise("rule violations", process, measured, "0", "", _NEVER if broken else _MUST))
    return lines


def _off_policy_lines(study: Study, process: str) -> list[Promise]:
    lines: list[Promise] = []
    for name, label, gated in (
        ("snips", "SNIPS", True),
        ("dr", "DR", True),
        ("ips", "IPS, weights clipped at 5", False),
    ):
        covered = study.values(process, f"off_policy.{name}.coverage")
        inside = bool(((covered >= 0.93) & (covered <= 0.97)).all())
        reached = _SHOWN if not gated else _MUST if inside else _NEVER
        title = f"off-policy value inside the 95 % interval: {label}"
        measured = f"{covered.mean():z.3f} ({covered.min():z.3f} to {covered.max():z.3f})"
        lines.append(Promise(title, process, measured, "0.93 to 0.97 on each" if gated else "", "", reached))
    return lines


def _guard_lines(study: Study) -> list[Promise]:
    leaks, defects = study.leaks, study.defects
    return [
        Promise(
            "leak audit: injected leaks caught",
            "both",
            f"{leaks.caught:,} of {leaks.injected:,} on {leaks.operators} operators",
            "all",
            "",
            _MUST if leaks.caught == leaks.injected else _NEVER,
        ),
        Promise(
            "leak audit: legitimate columns accused",
            "both",
            f"{leaks.accused:,} of {leaks.legitimate:,}",
            "0",
            "",
            _NEVER if leaks.accused else _MUST,
        ),
        Promise(
            "defects: rows not accounted for",
            "",
            f"{defects.unaccounted:,} of {defects.rows:,} ({defects.planted:,} damaged)",
            "0",
            "",
            _NEVER if defects.unaccounted else _MUST,
        ),
    ]


def detail_tables(study: Study) -> list[tuple[str, list[Cells]]]:
    """Return titled tables: choice, regret, offers, harm and campaigns by model and policy, in both worlds."""
    tables: list[tuple[str, list[Cells]]] = []
    for process in study.operators:
        for world, title in _WORLDS.items():
            where = f"{process} truth, {title}"
            tables.append((f"Choice, {where}", _choice_rows(study, process, world)))
            tables.append((f"Money, {where}, {study.currency} a month", _policy_rows(study, process, world)))
        tables.append((f"Three-month churn of a campaign, {process} truth", _campaign_rows(study, process)))
    return tables


def _choice_rows(study: Study, process: str, world: str) -> list[Cells]:
    columns = {"accuracy": "accuracy", "NDCG@5": "ndcg_at_5", "ECE": "ece", "ECE of the first": "ece_top"}
    if world == "launch":
        columns["hit@3 on the launched plan"] = "hit_at_3_launched"
    return [
        {
            "model": title,
            **{c: _spread(study.values(process, f"{world}.choice.{name}.{key}")) for c, key in columns.items()},
        }
        for name, title in ((MULTICLASS, "multiclass"), (ANY_PLAN, "choice model"), ("oracle", "choice oracle"))
    ]


def _policy_rows(study: Study, process: str, world: str) -> list[Cells]:
    def cell(kind: str, name: str) -> str:
        path = f"{world}.{kind}.{name}"
        return _spread(study.values(process, path) / 100, 2) if path in study.operators[process][0] else ""

    rows = {"stay": "stay", **{name: f"cheapest, {name}" for name in BASELINES}}
    rows |= {"advice": "advice (forecast)", "offer": "offer (P(accept) x saving)", "oracle": "oracle"}
    cells = [
        {"policy": title, "regret": cell("regret", name), "accepted saving of offers": cell("offers", name)}
        for name, title in rows.items()
    ]
    return [row | ({"regret": "0 by definition"} if row["policy"] == "oracle" else {}) for row in cells]


def _campaign_rows(study: Study, process: str) -> list[Cells]:
    titles = {
        "no_contact": "nobody contacted (hold-out)",
        "untargeted": "everybody offered the cheapest plan",
        "targeted": "targeted by the learnt uplift",
        "oracle": "targeted by the truth",
    }
    return [
        {"campaign": title, "leave within 3 months, %": _spread(100 * study.values(process, f"campaign.{name}"), 2)}
        for name, title in titles.items()
    ]


def study_document(study: Study, command: str) -> str:
    """Return the study as Markdown; `command` is what printed it."""
    head = (
        "# What PlanRec promises, measured\n\n"
        f"Written by `{command}`. Simulated operators with seeds {', '.join(map(str, study.seeds))}, none looked at "
        "while models were built; subscribers and months no model saw; judged by the operator's own truth, over the "
        "three months that a decision begins.\n\n"
        "Truths: subscribers choose by a logit, or look at a few plans and take one that is good enough. Worlds: "
        "without and with the plan launched after training, from the same random numbers.\n"
    )
    parts = [head, f"## Promises\n\n{_markdown([line.cells() for line in promises(study)])}"]
    parts += [f"## {title}\n\n{_markdown(rows)}" for title, rows in detail_tables(study)]
    notes = [*study.leaks.missed_leaks, *study.leaks.accused_columns]
    if notes:
        parts.append("## Leaks missed and columns accused\n\n" + "\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts) + "\n"


def _markdown(rows: Sequence[Cells]) -> str:
    columns = list(rows[0])
    return markdown_table(rows, columns, "l" + "r" * (len(columns) - 1))


def _spread(values: FloatArray, digits: int = 3) -> str:
    return f"{values.mean():z.{digits}f} ({values.std(ddof=1):z.{digits}f})"


def _difference(values: FloatArray, digits: int) -> str:
    return f"{values.mean():+z.{digits}f} (se {_standard_error(values):z.{digits}f})"


def _standard_error(values: FloatArray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _at_least(what: str, truth: str, values: FloatArray, must: float, goal: float, *, gated: bool = True) -> Promise:
    return _judged(what, truth, values, must, goal, lambda value, level: value >= level, gated=gated)


def _at_most(what: str, truth: str, values: FloatArray, must: float, goal: float, digits: int = 3) -> Promise:
    return _judged(what, truth, values, must, goal, lambda value, level: value <= level, digits=digits)


def _judged(
    what: str,
    truth: str,
    values: FloatArray,
    must: float,
    goal: float,
    holds: Callable[[float, float], bool],
    *,
    gated: bool = True,
    digits: int = 3,
) -> Promise:
    mean = float(values.mean())
    reached = _GOAL if holds(mean, goal) else _MUST if holds(mean, must) else _NEVER if gated else _SHOWN
    return Promise(what, truth, _spread(values, digits), f"{must:g}", f"{goal:g}", reached)


def _above(what: str, truth: str, won: FloatArray, *, digits: int) -> Promise:
    reached = _GOAL if won.mean() > 2 * _standard_error(won) else _MUST if won.mean() > 0 else _NEVER
    return Promise(what, truth, _difference(won, digits), "above 0", "by 2 se", reached)
