"""The gate's report for people, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from common_utils.lifecycle.gate import GateReport
from common_utils.lifecycle.measures import Compared
from common_utils.lifecycle.reasons import RetrainReason

__all__ = ["markdown_report"]

_VERDICTS = {
    "passes": "The new bundle is within every margin: it may challenge the live one.",
    "refused": "The new bundle is worse than is borne, or a check failed: it is not published.",
    "insufficient": "It cannot be said whether the new bundle is as good: it is not published.",
}
_HEAD = ("Figure", "Segment", "Subjects", "Live", "New", "Worse by [95 %]", "Borne", "GateVerdict")


def markdown_report(report: GateReport, as_of: str, reasons: Sequence[RetrainReason] = ()) -> str:
    """Return the report: verdict, why it was trained, what was found, row by row.

    Parameters
    ----------
    report : GateReport
    as_of : str
        The day.
    reasons : sequence of RetrainReason
        Why it was trained.

    Examples
    --------
    >>> from common_utils.lifecycle.gate import refused_before
    >>> print(markdown_report(refused_before("v1", "leak audit", "next_plan is a leak."), "2025-11-01").splitlines()[2])
    **refused**: The new bundle is worse than is borne, or a check failed: it is not published.
    """
    parts = [f"# Gate of {as_of}", f"**{report.verdict}**: {_VERDICTS[report.verdict]}"]
    parts.append(f"Live: {report.live}. New: {report.challenger or 'none'}. Rows: {report.rows}.")
    if reasons:
        parts.append(
            _listed("Why it was trained", [f"{one.kind.replace('_', ' ')}: {one.sentence}" for one in reasons])
        )
    if report.reasons:
        parts.append(_listed("Why it does not pass", report.reasons))
    checks = [f"{one.name}: {'holds' if one.holds else '**fails**'}. {one.sentence}" for one in report.checks]
    parts.append(_listed("Checks", checks))
    if report.figures:
        rows = [_HEAD, ("---",) * len(_HEAD), *map(_row, report.figures)]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        about = (
            "Both bundles answer the same rows. `Worse by` is the difference, with the interval of a bootstrap by "
            "subject; below 0 the new bundle is better. Its upper end must be within `Borne`."
        )
        parts += ["## Figures", about, table]
    if report.not_judged:
        parts.append(_listed("Segments too small to be judged", report.not_judged))
    return "\n\n".join(parts) + "\n"


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)


def _row(found: Compared) -> tuple[str, ...]:
    means = [f"{value:z.4g}" if value is not None else "" for value in (found.live, found.challenger)]
    worse = found.worse
    said = "" if worse is None else f"{worse.estimate:z.3g} [{worse.low:z.3g}, {worse.high:z.3g}]"
    verdict = found.verdict if found.counts else "not judged"
    return (found.name, found.segment, f"{found.subjects:,}", *means, said, f"{found.margin:z.3g}", verdict)
