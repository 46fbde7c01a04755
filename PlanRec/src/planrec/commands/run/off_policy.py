"""The command that judges another offer policy by what was logged."""

from __future__ import annotations

from pathlib import Path

from common_utils.command_line.terminal import note
from common_utils.decision_log.exports import read_export
from planrec.campaigns.logged_offers import LoggedPolicy, evaluate_policy, logged_offers, policy_chances
from planrec.campaigns.off_policy import PolicyValue
from planrec.config import ExplorationConfig
from planrec.offers.exploration import Exploration

__all__ = ["run_off_policy"]


def run_off_policy(input_: Path, policy: LoggedPolicy, exploration: ExplorationConfig) -> None:
    """Print what a policy would have brought, by three estimators, and how much of the log speaks for it."""
    offers = logged_offers(read_export(input_))
    declared = Exploration(exploration.share, exploration.floor)
    report = evaluate_policy(offers, policy_chances(offers, policy, declared))
    note(f"{len(offers.events):,} offers with outcomes; policy {policy}; accepted saving, cents a month per offer")
    for name, value in (("ips", report.ips), ("snips", report.snips), ("dr", report.dr)):
        note(f"{name:>6}: {_words(value)}")
    note(
        f"effective sample size {report.effective_sample_size:,.0f}; overlap {report.overlap:.1%}: the mean chance "
        "that the policy makes the logged offer"
    )


def _words(value: PolicyValue) -> str:
    interval = value.interval
    return f"{interval.estimate:,.1f} [{interval.low:,.1f}, {interval.high:,.1f}] at {interval.level:.0%}"
