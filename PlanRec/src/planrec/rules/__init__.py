"""Who may have which plan, and when staying is the answer: rules, facts, reason codes."""

from __future__ import annotations

from planrec.rules.apply import apply_rules, closed_reasons, stay_reasons, stay_text
from planrec.rules.codes import ExclusionCode, exclusions, has_code, without_detail
from planrec.rules.facts import Facts, Known
from planrec.rules.next_free import OpenPlans, open_plans
from planrec.rules.rulebook import Mode, Rules, built_in_rules, configured_rules, load_rules, parse_rules, rules_file
from planrec.rules.unknown import asked_facts, unknown_facts

__all__ = [
    "ExclusionCode",
    "Facts",
    "Known",
    "Mode",
    "OpenPlans",
    "Rules",
    "apply_rules",
    "asked_facts",
    "built_in_rules",
    "closed_reasons",
    "configured_rules",
    "exclusions",
    "has_code",
    "load_rules",
    "open_plans",
    "parse_rules",
    "rules_file",
    "stay_reasons",
    "stay_text",
    "unknown_facts",
    "without_detail",
]
