"""The offline gate: what a new bundle must prove against the live one before it may challenge it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from common_utils.bundle import Bundle
from common_utils.lifecycle.config import GateConfig
from common_utils.lifecycle.measures import Compared, GateVerdict, PairedFigure, PairedHarm, compared

__all__ = ["Check", "GateReport", "bundle_checks", "gate_report", "refused_before"]

_TURNS = 5  # timed turns of each bundle, one after the other; the quickest counts
_TRIES = 3  # of a comparison of times: a busy machine refuses nobody by one of them


@dataclass(frozen=True)
class Check:
    """Something that holds or does not.

    Attributes
    ----------
    name : str
    holds : bool
    sentence : str
        What was seen, and the bound.
    """

    name: str
    holds: bool
    sentence: str


@dataclass(frozen=True)
class GateReport:
    """What the gate found.

    Attributes
    ----------
    live, challenger : str
        Versions; `challenger` is empty where no bundle could be trained.
    rows : str
        Which rows were judged, in words.
    checks : tuple of Check
    figures : tuple of Compared

    Examples
    --------
    >>> GateReport("v1", "v2", "no rows", (Check("size", True, "smaller"),), ()).verdict
    'insufficient'
    """

    live: str
    challenger: str
    rows: str
    checks: tuple[Check, ...]
    figures: tuple[Compared, ...]

    @property
    def verdict(self) -> GateVerdict:
        """Refused where one check or figure refuses; insufficient where one cannot be said, or there is none."""
        judged = [figure.verdict for figure in self.figures if figure.counts]
        if not all(check.holds for check in self.checks) or "refused" in judged:
            return "refused"
        return "insufficient" if "insufficient" in judged or not judged else "passes"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not pass, in sentences; empty where it does."""
        verdict = self.verdict
        if verdict == "passes":
            return ()
        failed = [f"{check.name}: {check.sentence}" for check in self.checks if not check.holds]
        said = [figure.sentence() for figure in self.figures if figure.counts and figure.verdict == verdict]
        return (*failed, *said) or (f"There is nothing to judge by: {self.rows}",)

    @property
    def not_judged(self) -> tuple[str, ...]:
        """Segments that are too small to be judged."""
        return tuple(f"{one.name}, {one.segment} ({one.subjects})" for one in self.figures if not one.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "format": 1,
            "verdict": self.verdict,
            "live": self.live,
            "challenger": self.challenger,
            "rows": self.rows,
            "reasons": list(self.reasons),
            "not_judged": list(self.not_judged),
            "checks": [asdict(check) for check in self.checks],
            "figures": [figure.to_dict() for figure in self.figures],
        }

    def encode(self) -> bytes:
        """Return the report as the bytes of its file; their sha256 is the evidence in the history of releases."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False).encode() + b"\n"


def refused_before(live: str, name: str, sentence: str) -> GateReport:
    """Return the report of a training that was refused before there was a bundle: by its data, a leak, or parity.

    Examples
    --------
    >>> refused_before("v1", "leak audit", "column next_plan tells the target.").reasons
    ('leak audit: column next_plan tells the target.',)
    """
    return GateReport(live, "", "none: no bundle was made", (Check(name, holds=False, sentence=sentence),), ())


def gate_report(
    live: Bundle,
    challenger: Bundle,
    measures: Iterable[PairedFigure | PairedHarm],
    *,
    rows: str,
    checks: Sequence[Check],
    config: GateConfig,
    seed: int,
) -> GateReport:
    """Return what figures and checks say together.

    Parameters
    ----------
    live, challenger : Bundle
    measures : iterable of PairedFigure or PairedHarm
        On rows that neither bundle learnt from.
    rows : str
        Which rows those are, in words.
    checks : sequence of Check
        Of `bundle_checks`, and what the training run proved.
    config : GateConfig
    seed : int
        Of the bootstrap.
    """
    figures = tuple(found for measure in measures for found in compared(measure, config, seed=seed))
    return GateReport(live.version, challenger.version, rows, tuple(checks), figures)


def bundle_checks(
    live: Bundle,
    challenger: Bundle,
    *,
    inputs: tuple[Sequence[str], Sequence[str]],
    ask: tuple[Callable[[], object], Callable[[], object]],
    config: GateConfig,
    clock: Callable[[], float] = time.process_time,
) -> list[Check]:
    """Return whether the new bundle is as small and as quick as the live one, and reads the same columns.

    Parameters
    ----------
    live, challenger : Bundle
    inputs : tuple of sequences of str
        Columns that the live and the new bundle read.
    ask : tuple of callables
        The same questions, to the live and to the new bundle.
    config : GateConfig
    clock : callable
        Seconds; by default processor time of this process.
    """
    sizes = [sum(entry.size for entry in bundle.files.values()) for bundle in (live, challenger)]
    said = f"{sizes[1]:,} bytes, live {sizes[0]:,}"
    size = _ratio("size", sizes[1] / sizes[0], config, "most_size_ratio", said)
    ratio = _time_ratio(ask, clock)
    for _ in range(_TRIES - 1):
        if ratio > config.most_latency_ratio:
            ratio = min(ratio, _time_ratio(ask, clock))
    latency = _ratio("latency", ratio, config, "most_latency_ratio", f"{ratio:z.2f} times the live bundle's time")
    return [size, latency, _inputs(*map(set, inputs), accept=config.accept_other_inputs)]


def _ratio(name: str, ratio: float, config: GateConfig, setting: str, said: str) -> Check:
    most = float(getattr(config, setting))
    holds = ratio <= most
    meant = "" if holds else f" If that is meant, raise lifecycle.gate.{setting}."
    return Check(name, holds=holds, sentence=f"{said}; at most {most:g} times.{meant}")


def _time_ratio(ask: tuple[Callable[[], object], Callable[[], object]], clock: Callable[[], float]) -> float:
    """Return the time of the second over the first, turn by turn, the quickest of each."""
    quickest = [float("inf"), float("inf")]
    for _ in range(_TURNS):
        for at, one in enumerate(ask):
            began = clock()
            one()
            quickest[at] = min(quickest[at], clock() - began)
    return quickest[1] / max(quickest[0], 1e-9)


def _inputs(live: set[str], challenger: set[str], *, accept: bool) -> Check:
    if live == challenger:
        return Check("inputs", holds=True, sentence=f"both read the same {len(live)} columns.")
    gone, new = sorted(live - challenger), sorted(challenger - live)
    said = "; ".join(
        part
        for part in (f"no longer read: {', '.join(gone)}" * bool(gone), f"new: {', '.join(new)}" * bool(new))
        if part
    )
    meant = "" if accept else " If that is meant, set lifecycle.gate.accept_other_inputs=true."
    return Check("inputs", holds=accept, sentence=f"{said}.{meant}")
