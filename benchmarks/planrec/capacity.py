"""Replicas, cores, memory, hours and money for a given load, from what was measured; `make capacity`.

Reads `results/serving.json` (`serving/compare.py --write`) and `results/scale.json` (`make scale`). Every load and
every price is an option; the defaults are an example, not an offer of anybody. `--write` writes the tables of
docs/capacity.md, which are those of the defaults.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_utils.reporting.cards import replace_block

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "capacity.md"
HOURS_A_MONTH = 730.0
PEAKS = (50.0, 500.0, 5_000.0)
SUBSCRIBERS = (100_000, 1_000_000, 10_000_000)
_FEWEST_REPLICAS = 2  # one may restart


@dataclass(frozen=True)
class Prices:
    """What a month costs, in any currency.

    Attributes
    ----------
    core_hour, gigabyte_hour : float
        Of a core and of a gigabyte of memory.
    disk_gigabyte_month : float
    spot_share : float
        What a spot core costs of a core, 0 to 1; batch and training are begun again where one is taken away.
    off_peak_hours, off_peak_share : float
        Hours of a day in which fewer replicas run, 0 to 24; the share of the peak they then have to carry.
    """

    core_hour: float = 0.04
    gigabyte_hour: float = 0.005
    disk_gigabyte_month: float = 0.10
    spot_share: float = 0.35
    off_peak_hours: float = 10.0
    off_peak_share: float = 0.1


def replicas(peak: float, microseconds: float, busy: float) -> int:
    """Return how many replicas of one core carry a peak.

    Parameters
    ----------
    peak : float
        Requests a second.
    microseconds : float
        Of the processor, for one request.
    busy : float
        The share of a core that is to be used at the peak, above 0 to 1; the rest keeps waiting short.

    Examples
    --------
    >>> replicas(peak=5_000, microseconds=400, busy=0.5)
    4
    >>> replicas(peak=1, microseconds=400, busy=0.5)
    2
    """
    return max(_FEWEST_REPLICAS, math.ceil(round(peak * microseconds / 1e6 / busy, 9)))


def served(peaks: Sequence[float], path: str, busy: float, serving: Mapping[str, float], prices: Prices) -> str:
    """Return a table of what a service needs at given peaks, with and without fewer replicas off the peak."""
    rows: list[str] = []
    gigabytes = serving["megabytes"] / 1024
    for peak in peaks:
        full = replicas(peak, serving[f"{path} us"], busy)
        fewer = replicas(peak * prices.off_peak_share, serving[f"{path} us"], busy)
        each = prices.core_hour + gigabytes * prices.gigabyte_hour
        away = prices.off_peak_hours / 24
        always, scaled = (n * each * HOURS_A_MONTH for n in (full, full * (1 - away) + fewer * away))
        rows.append(f"| {peak:,.0f} | {full} | {full * gigabytes:z.2f} | {always:,.2f} | {fewer} | {scaled:,.2f} |")
    head = "| peak, requests/s | replicas = cores | GB | a month | replicas off peak | a month, scaled down |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def batch(subscribers: Sequence[int], workers: int, commands: Mapping[str, Any], prices: Prices) -> str:
    """Return a table of what one run of each batch command takes, from the largest run that was measured."""
    rows: list[str] = []
    for name, one in commands.items():
        if name == "generate":
            continue
        for count in subscribers:
            hours = one["processor_seconds"] * count / one["subscribers"] / 3600
            disk = one["output_megabytes"] * count / one["subscribers"] / 1000
            cost = hours * (prices.core_hour + one["peak_megabytes"] / 1024 * prices.gigabyte_hour)
            cost += disk * prices.disk_gigabyte_month
            spot = hours * prices.core_hour * (1 - prices.spot_share)
            rows.append(
                f"| {name} | {count:,} | {hours * 60 / workers:z.1f} | {one['peak_megabytes'] * workers / 1024:z.1f} | "
                f"{disk:z.2f} | {cost:z.3f} | {cost - spot:z.3f} |"
            )
    shared = f"{workers} process{'es' if workers > 1 else ''}"
    head = f"| command | subscribers | minutes, {shared} | GB memory | GB written | a run | a run on spot |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; with --write, put those of the defaults into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peaks", type=float, nargs="+", default=list(PEAKS), help="requests a second")
    parser.add_argument("--path", choices=["/recommend", "/predict"], default="/recommend", help="what is asked")
    parser.add_argument("--busy", type=float, default=0.5, help="share of a core used at the peak")
    parser.add_argument("--subscribers", type=int, nargs="+", default=list(SUBSCRIBERS), help="of one batch run")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that share a run, each with a share of the table"
    )
    for name, value in vars(Prices()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    parser.add_argument("--write", action="store_true", help="the tables of docs/capacity.md, with the defaults")
    options = parser.parse_args(arguments)
    if not 0 < options.busy <= 1 or options.workers < 1:
        parser.error("--busy is above 0 and at most 1, --workers at least 1")
    if options.write and vars(options) != vars(parser.parse_args(["--write"])):
        parser.error("--write writes the tables of the defaults; leave the other options out")
    prices = Prices(**{name: getattr(options, name) for name in vars(Prices())})
    tables = {
        "capacity-serving": served(options.peaks, options.path, options.busy, _kept("serving.json"), prices),
        "capacity-batch": batch(options.subscribers, options.workers, _kept("scale.json")["commands"], prices),
    }
    print("\n\n".join(tables.values()))
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        for name, text in tables.items():
            page = replace_block(page, name, text)
        PAGE.write_text(page, encoding="utf-8")
    return 0


def _kept(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
