"""Model and data cards: Markdown filled from what a bundle recorded. Same bundle, same bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from common_utils.bundle import Bundle
from common_utils.errors import ArtifactError
from common_utils.evaluation import FEW_GROUPS, Interval

__all__ = ["bundle_facts", "facts_table", "format_interval", "markdown_table", "render_card", "replace_block"]

_PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_RULES = {"l": (":", "-"), "r": ("-", ":"), "c": (":", ":")}
_NOT_RECORDED = "not recorded"
_UNKNOWN = "n/a"
_TOO_FEW = "too few"  # groups for an interval


def render_card(template: str, values: Mapping[str, object]) -> str:
    r"""Fill the placeholders of a template; a lone `$` is an ordinary character.

    Parameters
    ----------
    template : str
        Markdown with placeholders such as `${metrics_table}` (lower case, digits, underscores).
    values : mapping of str to str, int or float
        One for each placeholder, none besides. Text is inserted as it is and not searched for placeholders.

    Returns
    -------
    str
        Ends with one line break.

    Raises
    ------
    ArtifactError
        If a placeholder has no value, a value has no placeholder, a placeholder is malformed, or a value is neither
        text nor a number.

    Examples
    --------
    >>> render_card("Regret: $${regret} a month", {"regret": "9.20"})
    'Regret: $9.20 a month\n'
    """
    for number, line in enumerate(template.splitlines(), start=1):
        if "${" in _PLACEHOLDER.sub("", line):
            raise ArtifactError(f"card template, line {number}: malformed placeholder. Write it as ${{lower_case}}.")
    wanted = set(_PLACEHOLDER.findall(template))
    unknown, unused = sorted(wanted - values.keys()), sorted(values.keys() - wanted)
    if unknown or unused:
        raise ArtifactError(
            f"card template: placeholder(s) without a value {unknown[:5]}, value(s) without a placeholder "
            f"{unused[:5]}. Give each placeholder one value."
        )
    texts = {name: _plain(name, value) for name, value in values.items()}
    return _PLACEHOLDER.sub(lambda match: texts[match[1]], template).rstrip("\n") + "\n"


def markdown_table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str] | Mapping[str, str], align: str | None = None
) -> str:
    r"""Return a Markdown table with aligned pipes.

    Parameters
    ----------
    rows : sequence of mapping
        Cells by column: text, numbers, intervals (see `format_interval`), bool, None. A cell may be missing.
    columns : sequence of str, or mapping of str to str
        Columns in order; a mapping gives their titles.
    align : str, optional
        One of `l`, `r`, `c` for each column; all to the left where None.

    Returns
    -------
    str
        Without a line break at the end; `(none)` for a table without columns.

    Raises
    ------
    ArtifactError
        If no row has one of the columns, or `align` does not fit them.

    Examples
    --------
    >>> print(markdown_table([{"plan": "smart", "n": 12}, {"plan": "a|b", "n": 3}], ["plan", "n"], "lr"))
    | plan  |  n |
    | :---- | -: |
    | smart | 12 |
    | a\|b  |  3 |
    """
    titles = columns if isinstance(columns, Mapping) else {name: name for name in columns}
    sides = align or "l" * len(titles)
    if len(sides) != len(titles) or not set(sides) <= _RULES.keys():
        raise ArtifactError(f"align {align!r} does not fit {len(titles)} column(s). Give one of l, r, c for each.")
    absent = [name for name in titles if rows and not any(name in row for row in rows)]
    if absent:
        raise ArtifactError(f"markdown table: no row has column(s) {absent[:5]}. Correct the names.")
    if not titles:
        return "(none)"
    body = [[_escape(_cell(row.get(name, ""))) for name in titles] for row in rows]
    head = [_escape(title) for title in titles.values()]
    widths = [max(2, *(len(line[at]) for line in (head, *body))) for at in range(len(head))]
    lines = [head, [_rule(side, width) for side, width in zip(sides, widths, strict=True)], *body]
    return "\n".join("| " + " | ".join(map(_pad, line, widths, sides)) + " |" for line in lines)


def format_interval(
    value: Interval | Mapping[str, float | None] | float | None, *, digits: int = 3, scale: float = 1.0
) -> str:
    """Return a figure with its interval, with "too few" where it stands on fewer than 3 values, or alone.

    Parameters
    ----------
    value : Interval, mapping with estimate, low and high (as in `metrics.json`), number or None
    digits : int
        Decimals.
    scale : float
        Factor for another unit, for example 0.01 from cents.

    Examples
    --------
    >>> format_interval({"estimate": 920.0, "low": 850.0, "high": 1001.0}, digits=2, scale=0.01)
    '9.20 [8.50, 10.01]'
    >>> format_interval(0.5), format_interval(None)
    ('0.500', 'n/a')
    >>> format_interval({"estimate": 0.5, "low": 0.0, "high": 1.0, "n": 2})
    '0.500 (too few)'
    """
    fields = value.to_dict() if isinstance(value, Interval) else value
    if not isinstance(fields, Mapping):
        return _number(fields, digits, scale)
    estimate = _number(fields["estimate"], digits, scale)
    low, high, n = fields.get("low"), fields.get("high"), fields.get("n")
    if n is not None and (n < FEW_GROUPS or low is None):
        return f"{estimate} ({_TOO_FEW})"
    if low is None or high is None:
        return estimate
    return f"{estimate} [{_number(low, digits, scale)}, {_number(high, digits, scale)}]"


def replace_block(document: str, name: str, text: str) -> str:
    r"""Return a document with what stands between two marks replaced.

    Parameters
    ----------
    document : str
        Holds `<!-- name:start -->` and `<!-- name:end -->`.
    name : str
        Of the marks.
    text : str
        What is to stand between them.

    Raises
    ------
    ArtifactError
        If the marks are not there, in order.

    Examples
    --------
    >>> replace_block("a <!-- x:start -->old<!-- x:end --> b", "x", "new")
    'a <!-- x:start -->\nnew\n<!-- x:end --> b'
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, found, rest = document.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ArtifactError(f"document: the marks {start} and {end} are not there. Write them where {name} belong.")
    return f"{before}{start}\n{text}\n{end}{after}"


def bundle_facts(source: Bundle | Mapping[str, object]) -> dict[str, str]:
    """Return where a model came from, as texts for a card.

    Parameters
    ----------
    source : Bundle or mapping
        A bundle, or the `info` it is about to be written with, for a card inside the bundle itself.

    Returns
    -------
    dict of str to str
        python, git_commit, seed, data_fingerprint, snapshot, config_fingerprint, libraries_table, row_counts_table; of
        a bundle also version and created. What was not recorded says so.

    Raises
    ------
    ArtifactError
        If `libraries` or `row_counts` is recorded as something else than names with values.

    Examples
    --------
    >>> facts = bundle_facts({"seed": 42, "row_counts": {"train": 1200}})
    >>> facts["seed"], facts["python"]
    ('42', 'not recorded')
    """
    info = source.info if isinstance(source, Bundle) else source
    facts = {"version": source.version, "created": source.manifest["created"]} if isinstance(source, Bundle) else {}
    for name in ("python", "git_commit", "seed", "data_fingerprint", "snapshot", "config_fingerprint"):
        facts[name] = _NOT_RECORDED if info.get(name) is None else str(info[name])
    libraries, counts = _names(info, "libraries"), _names(info, "row_counts")
    facts["libraries_table"] = _two_columns("library", "version", libraries, "ll")
    facts["row_counts_table"] = _two_columns("rows", "count", {name: _count(n) for name, n in counts.items()}, "lr")
    return facts


def facts_table(source: Bundle | Mapping[str, object]) -> str:
    """Return all of `bundle_facts` as one Markdown table, libraries and row counts in a line each.

    Raises
    ------
    ArtifactError
        As `bundle_facts`.

    Examples
    --------
    >>> print(facts_table({"seed": 42, "libraries": {"numpy": "2.4.1"}}).splitlines()[-2])
    | libraries          | numpy 2.4.1  |
    """
    info = source.info if isinstance(source, Bundle) else source
    facts = bundle_facts(source)
    del facts["libraries_table"], facts["row_counts_table"]
    rows: dict[str, object] = {name.replace("_", " "): text for name, text in facts.items()}
    libraries, counts = _names(info, "libraries"), _names(info, "row_counts")
    rows["libraries"] = ", ".join(f"{name} {version}" for name, version in libraries.items()) or _NOT_RECORDED
    rows["rows"] = ", ".join(f"{name} {_count(n)}" for name, n in counts.items()) or _NOT_RECORDED
    return _two_columns("fact", "value", rows, "ll")


def _two_columns(left: str, right: str, values: Mapping[str, object], align: str) -> str:
    if not values:
        return _NOT_RECORDED
    return markdown_table([{left: name, right: value} for name, value in values.items()], [left, right], align)


def _names(info: Mapping[str, object], key: str) -> dict[str, object]:
    found = info.get(key, {})
    if not isinstance(found, Mapping):
        raise ArtifactError(f"bundle info {key!r} is not a mapping of names to values. Train again to record it.")
    return dict(sorted(cast("Mapping[str, object]", found).items()))


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ArtifactError(f"card value {name!r} is a {type(value).__name__}. Make it text first.")
    return str(value)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (float, Interval, Mapping)):
        return format_interval(value)
    return str(value)


def _number(value: float | None, digits: int, scale: float) -> str:
    if value is None or not math.isfinite(value):
        return _UNKNOWN
    return f"{value * scale:z,.{digits}f}"


def _escape(text: str) -> str:
    for old, new in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;")):
        text = text.replace(old, new)
    return "<br>".join(line.strip() for line in text.strip().splitlines())


def _rule(side: str, width: int) -> str:
    left, right = _RULES[side]
    return left + "-" * (width - 2) + right


def _pad(text: str, width: int, side: str) -> str:
    return {"l": text.ljust, "r": text.rjust, "c": text.center}[side](width)
