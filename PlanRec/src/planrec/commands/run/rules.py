"""Check a rule file and show it as a table; light to import, so that a check before each save is quick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from common_utils.command_line.terminal import note, show_table
from planrec.billing import load_catalogue
from planrec.commands.requests import SettingsCommand
from planrec.commands.settings import advice_settings
from planrec.rules import ExclusionCode, Rules, built_in_rules, load_rules
from planrec.rules.rulebook import OfferRules

__all__ = ["rule_rows", "run_rules"]

_Entry = tuple[str, str, str, str, tuple[ExclusionCode, ...]]  # rule, value, mode, meaning, codes


def run_rules(check: Path | None, plans: Path | None, settings: SettingsCommand) -> None:
    """Show the rules of a file, else the configured ones, else those built in, and say whether they fit the rate card.

    Raises
    ------
    ConfigError
        If the file or the rate card cannot be used; for the file with lines and reasons.
    """
    path = check or advice_settings(settings)[1]
    catalogue = None if plans is None else load_catalogue(plans)
    rules = built_in_rules() if path is None else load_rules(path, catalogue)
    show_table(f"Rules {rules.version}", rule_rows(rules))
    where = "built in" if path is None else str(path)
    against = "not checked against a rate card; name one with --plans" if plans is None else f"fits {plans}"
    note(f"rules: {where}, {against}")


def rule_rows(rules: Rules) -> list[dict[str, str]]:
    """Return one row for each rule: what it is set to, where it holds, its reason codes.

    Examples
    --------
    >>> rule_rows(built_in_rules())[0]["reason codes"]
    'BELOW_MINIMUM_GAIN'
    """
    return [
        {
            "rule": rule,
            "set to": value,
            "holds for": mode,
            "meaning": meaning,
            "reason codes": ", ".join(code.name for code in codes),
        }
        for rule, value, mode, meaning, codes in _entries(rules)
    ]


def _entries(rules: Rules) -> Iterator[_Entry]:
    gain = rules.minimum_gain
    for name, mode in (("advice_cents", "advice"), ("offer_cents", "offer")):
        meaning = type(gain).model_fields[name].description or ""
        yield f"minimum_gain.{name}", _text(getattr(gain, name)), mode, meaning, (ExclusionCode.BELOW_MINIMUM_GAIN,)
    meaning = type(gain).model_fields["advice_certainty"].description or ""
    certainty = "minimum_gain.advice_certainty", _text(gain.advice_certainty), "advice", meaning
    yield *certainty, (ExclusionCode.UNCERTAIN_GAIN,)
    contract = rules.contract
    codes = (ExclusionCode.CONTRACT_BINDS, ExclusionCode.CONTRACT_UNKNOWN)
    meaning = type(contract).model_fields["while_bound"].description or ""
    yield "contract.while_bound", contract.while_bound, "advice, offer", meaning, codes
    for name, of_offer in _OFFER_CODES.items():
        meaning = OfferRules.model_fields[name].description or ""
        yield f"offers.{name}", _text(getattr(rules.offers, name)), "offer", meaning, of_offer
    for i, rule in enumerate(rules.plans):
        who = "everybody" if rule.holders_of is None else f"holders of {', '.join(rule.holders_of)}"
        value = f"not {', '.join(rule.plans)} to {who}"
        yield f"plans.{i}", value, ", ".join(rule.modes), rule.why, (ExclusionCode.NOT_OFFERED,)


_OFFER_CODES = {
    "consent_required": (ExclusionCode.NO_CONSENT, ExclusionCode.CONSENT_UNKNOWN),
    "max_contacts_90d": (ExclusionCode.CONTACT_CAP, ExclusionCode.CONTACTS_UNKNOWN),
    "respect_holdout": (ExclusionCode.HELD_OUT, ExclusionCode.HOLDOUT_UNKNOWN),
    "usage_required": (ExclusionCode.NO_USAGE,),
    "min_churn_fall": (ExclusionCode.CHURN_MAY_RISE,),
    "churn_errors": (ExclusionCode.CHURN_MAY_RISE,),
}


def _text(value: object) -> str:
    return "null" if value is None else str(value).lower()
