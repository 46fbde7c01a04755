"""The report of one day of monitoring, as Markdown and as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from common_utils.monitoring.day import MonitorDay
from common_utils.monitoring.findings import Finding, Level, worst
from common_utils.reporting.cards import markdown_table
from common_utils.reporting.monitor_pictures import draw_history, draw_shares, draw_sizes

__all__ = ["html_report", "markdown_report", "verdict_lines"]

_VERDICTS: Mapping[Level, str] = {
    "ok": "The data looks as it did.",
    "notice": "Something moved, within what a model bears: read on before the next training.",
    "alarm": "Something moved so far that answers may be wrong: act today.",
    "insufficient": "There was too little to judge by; this is not an all-clear.",
}
_COLOURS: Mapping[Level, str] = {"ok": "#2a7f2a", "notice": "#b86a00", "alarm": "#b00020", "insufficient": "#666666"}
_COLUMNS = {"level": "Level", "check": "Check", "feature": "Of", "since": "Since", "count": "Rests on"}
_MOST_FINDINGS, _MOST_SHARES = 30, 3
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem;text-align:left}"
    ".verdict{color:#fff;padding:.8rem 1rem;border-radius:.4rem}img{max-width:100%}"
)


def verdict_lines(day: MonitorDay) -> list[str]:
    """Return the verdict in at most a few lines, for a terminal.

    Examples
    --------
    >>> verdict_lines(MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ()))[0]
    'demo 2025-11-01: insufficient. There was too little to judge by; this is not an all-clear.'
    """
    lines = [f"{day.project} {day.as_of}: {day.level}. {_VERDICTS[day.level]}"]
    lines += [f"  {f.level}: {f.sentence}" for f in day.at("alarm", "notice", "insufficient")[:8]]
    if day.blocks_retraining:
        lines.append("  Retraining is blocked until somebody has looked at the data.")
    return lines


def markdown_report(day: MonitorDay, runbook: str) -> str:
    """Return a day's report as Markdown: verdict, what moved, for whom, what it does to the answers, what to do.

    Parameters
    ----------
    day : MonitorDay
    runbook : str
        Where the steps for each alarm stand.
    """
    parts = [f"# {_title(day)}", f"**{day.level}**: {_VERDICTS[day.level]}"]
    if day.blocks_retraining:
        parts.append("**Retraining is blocked** until somebody has looked at the data.")
    for heading, body in _sections(day, runbook):
        parts += [f"## {heading}", "\n".join(f"- {line}" for line in body)]
    if moved := day.moved[:_MOST_FINDINGS]:
        rows = [{"feature": m.feature, "size": f"{m.size:z.3f}", "against": m.against} for m in moved]
        columns = {"feature": "Feature", "size": "Moved by (PSI)", "against": "Against"}
        parts += ["## By how much", markdown_table(rows, columns, "lrl")]
    parts += ["## Every check", markdown_table(_rows(day.findings), _COLUMNS)]
    return "\n\n".join(parts) + "\n"


def html_report(day: MonitorDay, history: Sequence[MonitorDay], runbook: str, *, notice: float, alarm: float) -> str:
    """Return the same as one HTML file with its pictures inside.

    Parameters
    ----------
    day : MonitorDay
    history : sequence of MonitorDay
        The days before, the oldest first.
    runbook : str
    notice, alarm : float
        The two levels of a feature's movement.
    """
    body = [
        f"<h1>{escape(_title(day))}</h1>",
        f'<p class="verdict" style="background:{_COLOURS[day.level]}"><b>{day.level}</b>: {_VERDICTS[day.level]}</p>',
    ]
    if day.blocks_retraining:
        body.append("<p><b>Retraining is blocked</b> until somebody has looked at the data.</p>")
    for heading, lines in _sections(day, runbook):
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        body.append(f"<h2>{escape(heading)}</h2><ul>{items}</ul>")
    if day.moved:
        body.append("<h2>By how much</h2>")
        body.append(_image(draw_sizes(day.moved, _by_feature(day), notice=notice, alarm=alarm), "How much each moved"))
        body += [_image(draw_shares(m, day.period), f"Shares of {m.feature}") for m in day.moved[:_MOST_SHARES]]
    if history:
        body += ["<h2>The days before</h2>", _image(draw_history([*history, day]), "Verdict of each period")]
    head = "".join(f"<th>{title}</th>" for title in _COLUMNS.values())
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(str(row[name]))}</td>" for name in _COLUMNS) + "</tr>"
        for row in _rows(day.findings)
    )
    body.append(f"<h2>Every check</h2><table><tr>{head}</tr>{cells}</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(_title(day))}</title>'
        f"<style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _by_feature(day: MonitorDay) -> dict[str, Level]:
    """Return the worst level said of each feature."""
    return {m.feature: worst(f for f in day.findings if f.feature == m.feature) for m in day.moved}


def _title(day: MonitorDay) -> str:
    return f"{day.project}: {day.period or 'no period'}, looked at on {day.as_of}, bundle {day.bundle}"


def _sections(day: MonitorDay, runbook: str) -> list[tuple[str, list[str]]]:
    found = [f"{f.sentence}{_since(f)}" for f in day.at("alarm", "notice")[:_MOST_FINDINGS]]
    lacking = [f.sentence for f in day.at("insufficient")[:_MOST_FINDINGS]]
    sections = [
        ("What moved", found or ["Nothing beyond its usual range."]),
        ("For whom", list(day.kinds)),
        ("What it does to the answers", list(day.effect)),
        ("What could not be judged", lacking),
        ("What to do", _steps(day, runbook)),
    ]
    return [(heading, lines) for heading, lines in sections if lines]


def _steps(day: MonitorDay, runbook: str) -> list[str]:
    if day.level == "ok":
        return ["Nothing."]
    if day.level == "insufficient":
        return ["See that the table of the period has arrived whole, then ask for this day again."]
    if day.blocks_retraining:
        return [f"Look at the export before anything else; do not train on it. Steps: {runbook}."]
    return [f"Follow {runbook}."]


def _since(finding: Finding) -> str:
    return "" if finding.since is None else f" Since {finding.since}."


def _rows(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "level": f.level,
            "check": f.check.replace("_", " "),
            "feature": f.feature or "the table",
            "since": f.since or "",
            "count": f"{f.count:,}",
        }
        for f in findings
    ]


def _image(content: bytes, text: str) -> str:
    return f'<img alt="{escape(text)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
