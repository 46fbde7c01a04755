"""What `planrec decisions off-policy` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common_utils.decision_log.exports import read_export
from planrec.campaigns.logged_offers import LoggedPolicy, PolicyReport, evaluate_policy, logged_offers, policy_chances
from planrec.offers.exploration import Exploration

__all__ = ["run_off_policy"]

_NAMES = {"ips": "IPS", "snips": "SNIPS", "dr": "doubly robust"}


def run_off_policy(path: Path, policy: LoggedPolicy, *, as_json: bool) -> None:
    """Print the estimates of a policy, what they rest on, and what the exploration cost.

    Raises
    ------
    DataError
        If the file is no export, an offer has no propensity, none has an outcome, or the policy has no support.
    """
    offers = logged_offers(read_export(path))
    report = evaluate_policy(offers, policy_chances(offers, policy, Exploration()))
    sys.stdout.write(json.dumps(_figures(report, policy)) + "\n" if as_json else _words(report, policy))


def _words(report: PolicyReport, policy: str) -> str:
    lines = [f"policy {policy!r}: accepted saving in cents a month per offer, 95 % interval"]
    for name, words in _NAMES.items():
        found = getattr(report, name).interval
        lines.append(f"  {words:<14}{found.estimate:z9.2f}  [{found.low:z.2f}, {found.high:z.2f}]")
    lines += [
        f"logged: {report.logged_value:z.2f} by {report.ips.offers:,} offers with an outcome; "
        f"left out: {report.without_outcome:,} without one",
        f"effective sample size: {report.effective_sample_size:z,.0f}; the policy would make "
        f"{report.overlap:z.1%} of the logged offers (overlap); support: {report.support:z.1%} of what it would offer",
        f"the exploration cost {report.cost_cents:z.2f} cents of the objective per offer",
    ]
    return "\n".join(lines) + "\n"


def _figures(report: PolicyReport, policy: str) -> dict[str, object]:
    estimates = {
        name: {"estimate": found.estimate, "low": found.low, "high": found.high, "se": getattr(report, name).se}
        for name in _NAMES
        for found in [getattr(report, name).interval]
    }
    return {
        "policy": policy,
        "unit": "cents a month per offer",
        **estimates,
        "offers": report.ips.offers,
        "without_outcome": report.without_outcome,
        "logged_value": report.logged_value,
        "effective_sample_size": report.effective_sample_size,
        "overlap": report.overlap,
        "support": report.support,
        "exploration_cost_cents": report.cost_cents,
    }
