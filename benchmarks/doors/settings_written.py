"""Damage to what people write by hand: rate card, rules, a draft plan."""

from __future__ import annotations

import random

from sheets import Case

__all__ = ["card_keys", "drafts", "fees", "rules"]

_NUMBERS = ("0{}", "0x{:x}", "{}:30", "{}_0", "{}.5", "{}e3", '"{}"', "{} 0", "{},50", "-{}")
_KEYS = (
    "{line}\n{indent}{key}: 1",
    "{line}\n{indent}{misspelt}: 1",
    "{indent}{key}: null",
    "{indent}{key}: yes",
    "{indent}{key}: [1]",
    "{indent}{key}: &a 1\n{indent}x: *a",
    "{line}\n{indent}<<: {{a: 1}}",
    "{indent}\t{key}: 1",
    "{indent}? {key}\n{indent}: [",
    "{line}\n---\n{line}",
)


def _form(form: str, number: str) -> str:
    return form.format(int(number))


def _numbers(text: str, key: str, variant: int, rng: random.Random) -> str:
    """Write the number of one of the lines of a key otherwise."""
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if line.strip().startswith(f"{key}: ") and line.split()[-1].isdigit()]
    place = rng.choice(places)
    head, _, number = lines[place].rpartition(" ")
    lines[place] = f"{head} {_form(_NUMBERS[variant], number)}"
    return "\n".join(lines)


def _keys(text: str, key: str, variant: int, rng: random.Random) -> str:
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:")]
    place = rng.choice(places)
    line = lines[place].split("#")[0].rstrip()
    indent = line[: len(line) - len(line.lstrip())]
    lines[place] = _KEYS[variant].format(line=line, indent=indent, key=key, misspelt=key + "s")
    return "\n".join(lines)


def fees(case: Case, variant: int, rng: random.Random) -> Case:
    """Write a fee in a form that YAML 1.1, or nobody, reads as a number."""
    case.card = _numbers(case.card, "monthly_fee_cents", variant, rng)
    return case


def card_keys(case: Case, variant: int, rng: random.Random) -> Case:
    """Give a key twice, misspell it, empty it, put something else in its place."""
    key = rng.choice(("monthly_fee_cents", "overage", "included", "rounding", "version"))
    case.card = _keys(case.card, key, variant, rng)
    return case


def rules(case: Case, variant: int, rng: random.Random) -> Case:
    """Do the same to the rule file."""
    if variant % 2:
        case.rules = _keys(case.rules, rng.choice(("minimum_gain", "offers", "contract", "version")), variant, rng)
    else:
        lines = [line.split("#")[0].rstrip() for line in case.rules.split("\n")]
        case.rules = _numbers("\n".join(lines), "advice_cents", variant, rng)
    return case


def drafts(case: Case, variant: int, rng: random.Random) -> Case:
    """Do the same to a draft plan."""
    if variant % 2:
        case.draft = _keys(case.draft, rng.choice(("monthly_fee_cents", "overage", "included")), variant, rng)
    else:
        case.draft = _numbers(case.draft, "monthly_fee_cents", variant, rng)
    return case
