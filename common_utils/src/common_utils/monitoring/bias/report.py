"""The report on bias: each group against others alike, from the decision log, as Markdown and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from common_utils.array_types import IntArray
from common_utils.errors import ConfigError, DataError
from common_utils.evaluation import Interval
from common_utils.monitoring.bias.decided import Describe, Subjects, by_subject, row_subjects
from common_utils.monitoring.bias.groups import BiasLimits, GroupFigure, compare_groups
from common_utils.monitoring.day import EXIT_CODES
from common_utils.monitoring.findings import Level, worst

__all__ = ["BiasReport", "LiveVersion", "ToldFigure", "bias_report"]


@dataclass(frozen=True)
class LiveVersion:
    """A version that decided: `first` and `last` are days, UTC."""

    version: str
    decisions: int
    first: str
    last: str


@dataclass(frozen=True)
class ToldFigure:
    """A figure with the days of the first and the last decision it rests on; empty where it is hidden."""

    figure: GroupFigure
    first: str
    last: str


@dataclass(frozen=True)
class BiasReport:
    """What the log says of groups.

    Attributes
    ----------
    project : str
    decisions, subjects : int
    first, last : str
        Days of the first and the last decision.
    within : str
        What subjects are compared by.
    versions : tuple of LiveVersion
    figures : tuple of ToldFigure
    unmeasured : tuple of str
        Measures for which nothing is known, such as outcomes that are not mature, and what happened to nobody.
    fewest : int
        Cells of fewer subjects are hidden.
    """

    project: str
    decisions: int
    subjects: int
    first: str
    last: str
    within: str
    versions: tuple[LiveVersion, ...]
    figures: tuple[ToldFigure, ...]
    unmeasured: tuple[str, ...]
    fewest: int

    @property
    def level(self) -> Level:
        """The worst of what is shown; `insufficient` where all is hidden. A hidden cell says nothing either way."""
        return worst(told.figure.finding() for told in self.figures if told.figure.subjects is not None)

    @property
    def exit_code(self) -> int:
        """What the command leaves with: 0, 5 at an alarm, 6 where there is too little to judge by."""
        return EXIT_CODES[self.level]

    def at(self, *levels: Level) -> list[ToldFigure]:
        """Return the figures of some levels, those that affect most first."""
        found = [told for told in self.figures if told.figure.level in levels]
        return sorted(found, key=lambda told: -_affected(told.figure))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            **{name: value for name, value in vars(self).items() if name not in ("versions", "figures")},
            "level": self.level,
            "versions": [asdict(one) for one in self.versions],
            "figures": [{**asdict(told.figure), "first": told.first, "last": told.last} for told in self.figures],
        }

    def markdown(self) -> str:
        """Return the report for people."""
        lines = [
            f"# Bias report: {self.project}",
            "",
            f"**{self.level}**. {self.decisions:,} decisions about {self.subjects:,} subjects, {self.first} to "
            f"{self.last}; the latest of each subject counts. Shares are shown as they are and not judged: groups "
            f"differ in usage. Judged is each group against others of {self.within}.",
            "",
        ]
        told = [*self.at("alarm"), *self.at("notice")]
        lines += [f"- {one.figure.level}: {one.figure.sentence()} {one.first} to {one.last}." for one in told]
        lines += ["- No group is told." if not told else "", ""]
        lines += [
            "## Versions live",
            "",
            *_table(("version", "decisions", "from", "to"), map(_version_row, self.versions)),
        ]
        for attribute in dict.fromkeys(told.figure.attribute for told in self.figures):
            rows = [_row(one.figure) for one in self.figures if one.figure.attribute == attribute]
            lines += ["", f"## By {attribute}", "", *_table(_HEADS, rows)]
        lines += ["", f"Cells of fewer than {self.fewest} subjects are hidden, and not judged."]
        if self.unmeasured:
            words = "Not judged, as no entry says it, no outcome is mature, or it happened to nobody"
            lines += [f"{words}: {', '.join(self.unmeasured)}."]
        return "\n".join(lines) + "\n"


_HEADS = (
    "measure",
    "group",
    "subjects",
    "share or mean, as it is",
    "over the rate of others alike",
    "affected",
    "level",
)


def bias_report(
    project: str,
    rows: Sequence[Mapping[str, Any]],
    describe: Describe,
    by: Sequence[str] = (),
    *,
    limits: BiasLimits | None = None,
) -> BiasReport:
    """Return what entries of the log say of groups.

    Parameters
    ----------
    project : str
    rows : sequence of mapping
        Of `decision_log.exports.joined`.
    describe : callable
        What the project makes of them.
    by : sequence of str
        Attributes, in any letter case; none: all that entries carry.
    limits : BiasLimits, optional

    Raises
    ------
    ConfigError
        If entries carry no such attribute.
    DataError
        If there is no entry.
    """
    if not rows:
        raise DataError(
            "bias: the log holds no decision of that time. Ship the journal (`decisions ship`), or name other days."
        )
    limits = limits or BiasLimits()
    decided = describe(rows)
    at_ms = np.array([row["at_ms"] for row in rows], dtype=np.int64)
    people = by_subject(row_subjects(rows), at_ms, decided)
    attributes = _attributes(list(people.groups), by)
    shared = replace(limits, alpha=limits.alpha / len(attributes))
    told = [one for name in attributes for one in _told(name, people, shared)]
    return BiasReport(
        project,
        len(rows),
        len(people.at_ms),
        _day(at_ms.min()),
        _day(at_ms.max()),
        decided.within,
        _versions(rows, at_ms),
        tuple(told),
        people.unmeasured,
        limits.fewest,
    )


def _told(attribute: str, people: Subjects, limits: BiasLimits) -> list[ToldFigure]:
    groups = people.groups[attribute]
    known = {measure.name: ~np.isnan(measure.values) for measure in people.measures}
    found: list[ToldFigure] = []
    for one in compare_groups(attribute, groups, people.strata, people.measures, limits=limits):
        mine = people.at_ms[
            known[one.measure] & ((groups if one.group != "unknown" else _unknown(groups)) == one.group)
        ]
        days = ("", "") if one.subjects is None else (_day(mine.min()), _day(mine.max()))
        found.append(ToldFigure(one, *days))
    return found


def _unknown(groups: Any) -> Any:
    return np.where(groups == "", "unknown", groups)


def _attributes(known: list[str], by: Sequence[str]) -> list[str]:
    if not known:
        raise ConfigError(
            "bias: entries of this project carry no groups. Declare coarse groups, and log decisions anew."
        )
    found = {name.casefold(): name for name in known}
    if lacking := [name for name in by if name.casefold() not in found]:
        raise ConfigError(f"--by {lacking[0]}: entries carry no such group; known: {', '.join(known)}.")
    return [found[name.casefold()] for name in dict.fromkeys(by)] or known


def _versions(rows: Sequence[Mapping[str, Any]], at_ms: IntArray) -> tuple[LiveVersion, ...]:
    names = np.array([str(row["model"]) for row in rows])
    found: list[LiveVersion] = []
    for name in dict.fromkeys(names.tolist()):
        mine = at_ms[names == name]
        found.append(LiveVersion(name, len(mine), _day(mine.min()), _day(mine.max())))
    return tuple(found)


def _day(at_ms: float | np.int64) -> str:
    return datetime.fromtimestamp(float(at_ms) / 1000, tz=UTC).date().isoformat()


def _affected(figure: GroupFigure) -> float:
    return 0.0 if figure.affected is None else abs(figure.affected.estimate)


def _version_row(one: LiveVersion) -> tuple[str, ...]:
    return one.version, f"{one.decisions:,}", one.first, one.last


def _row(one: GroupFigure) -> tuple[str, ...]:
    if one.subjects is None:
        return one.measure, one.group, "hidden", "", "", "", ""
    number = "{:z,.1%}" if one.is_share else "{:z,.1f}"
    cells = [_cell(one.raw, number), _cell(one.ratio, "{:z.2f}"), _cell(one.affected, "{:z,.0f}")]
    return one.measure, one.group, f"{one.subjects:,}", *cells, one.level


def _cell(value: Interval | None, form: str) -> str:
    if value is None:
        return ""
    estimate, low, high = (form.format(end) for end in (value.estimate, value.low, value.high))
    return f"{estimate} [{low}, {high}]"


def _table(heads: Sequence[str], rows: Any) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
