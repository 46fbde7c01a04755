"""The rule file: what operations staff decide, in YAML they can edit; a file with a mistake is refused with its line.

What the rules do is in `rules/apply.py`. Sale windows and age limits stand in the rate card, with their plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from common_utils.config import BaseConfig, dump_config, resolve_path
from common_utils.config.marked_yaml import YamlProblem, read_marked
from common_utils.errors import ConfigError
from planrec.billing import Catalogue

__all__ = [
    "ContractRule",
    "MinimumGain",
    "Mode",
    "OfferRules",
    "PlanRule",
    "Rules",
    "built_in_rules",
    "check_rules",
    "configured_rules",
    "load_rules",
    "parse_rules",
    "rules_file",
]

Mode = Literal["advice", "offer"]

_Cents = Annotated[int, Field(ge=0, le=1_000_000)]
_PlanIds = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(strict=False)]
_EVERY_MODE: tuple[Mode, ...] = ("advice", "offer")


class _Part(BaseConfig):
    model_config = ConfigDict(strict=True)


class MinimumGain(_Part):
    """What a switch must bring a month; below it the answer is "stay"."""

    advice_cents: _Cents = Field(
        default=100, description="fall in the risk-adjusted bill that advice must bring, cents a month"
    )
    offer_cents: _Cents = Field(default=100, description="saving that an offer must bring, cents a month")
    advice_certainty: float = Field(
        default=0.65,
        ge=0,
        le=10,
        description="standard deviations of the saving from month to month that the mean saving of advice by a "
        "forecast must exceed; 0: not asked",
    )


class ContractRule(_Part):
    """What a subscriber may do whose contract still binds."""

    while_bound: Literal["deny", "allow_dearer"] = Field(
        default="deny",
        description="deny: no change before the end; allow_dearer: to plans of a higher fee and at least the same term",
    )


class OfferRules(_Part):
    """Whom the operator may contact unasked. Advice, which the subscriber asks for, is not touched by these."""

    consent_required: bool = Field(default=True, description="whether only subscribers known to consent get offers")
    max_contacts_90d: int | None = Field(
        default=2, ge=0, le=90, description="contacts in 90 days after which no offer is made; null: no cap"
    )
    respect_holdout: bool = Field(default=True, description="whether the permanent hold-out gets no offers")
    usage_required: bool = Field(
        default=True, description="whether only subscribers with usage in the month asked about get offers"
    )
    min_churn_fall: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="by how much an offer must lower the chance of leaving within three months, its error counted in",
    )
    churn_errors: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="standard errors by which the expected change of that chance is taken to be worse than it looks",
    )


class PlanRule(_Part):
    """Plans that are not offered, to everybody or to the holders of some plans."""

    plans: _PlanIds = Field(min_length=1, max_length=1000, description="plan ids that are not offered")
    modes: tuple[Mode, ...] = Field(
        default=_EVERY_MODE,
        min_length=1,
        max_length=2,
        strict=False,
        description="where the rule holds: advice, offer or both",
    )
    holders_of: _PlanIds | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="only for holders of these plan ids; left out: for everybody",
    )
    why: str = Field(min_length=1, max_length=200, description="the reason, for whoever reads this later")


class Rules(_Part):
    """Every rule of one version.

    Examples
    --------
    >>> rules = Rules(version="mine", offers=OfferRules(max_contacts_90d=1))
    >>> rules.contract.while_bound, rules.min_gain_cents("advice"), rules.min_gain_cents("offer")
    ('deny', 100, 100)
    """

    version: str = Field(min_length=1, max_length=64, description="name of these rules; returned with every answer")
    minimum_gain: MinimumGain = MinimumGain()
    contract: ContractRule = ContractRule()
    offers: OfferRules = OfferRules()
    plans: tuple[PlanRule, ...] = Field(
        default=(), max_length=1000, strict=False, description="plans that are not offered, each with its reason"
    )

    def min_gain_cents(self, mode: Mode) -> int:
        """Return what a switch must bring in this mode, cents a month."""
        return self.minimum_gain.advice_cents if mode == "advice" else self.minimum_gain.offer_cents

    def asking(self, mode: Mode, cents: int | None) -> Rules:
        """Return these rules with another minimum gain in this mode; the same where `cents` is None."""
        if cents is None:
            return self
        gain = self.minimum_gain.model_copy(update={f"{mode}_cents": cents})
        return self.model_copy(update={"minimum_gain": gain})


def load_rules(path: Path, catalogue: Catalogue | None = None) -> Rules:
    """Read and check a rule file.

    Parameters
    ----------
    path : Path
    catalogue : Catalogue, optional
        The plans the file may name; not looked at where it is left out.

    Raises
    ------
    ConfigError
        As `parse_rules`, or if the file cannot be read.

    Examples
    --------
    >>> load_rules(project / "configs" / "rules.yaml").min_gain_cents("offer")
    100
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"rules {path}: no such file. Name an existing one with --rules or `rules:`.") from error
    except OSError as error:
        raise ConfigError(f"rules {path}: cannot be read ({type(error).__name__}).") from error
    return parse_rules(data, str(path), catalogue)


def built_in_rules() -> Rules:
    """Return what holds where no rule file is named.

    Examples
    --------
    >>> built_in_rules().version, built_in_rules().plans
    ('built-in', ())
    """
    return Rules(version="built-in")


def parse_rules(data: bytes, name: str, catalogue: Catalogue | None = None) -> Rules:
    r"""Check the bytes of a rule file; `name` is what messages call it.

    Raises
    ------
    ConfigError
        At most five problems, each with line, key, reason and what is allowed.

    Examples
    --------
    >>> parse_rules(b"version: mine\ncontract: {while_bound: dney}", "draft")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: rules draft: 1 problem:
    line 2, contract.while_bound: input should be 'deny' or 'allow_dearer'
    """
    check = None if catalogue is None else lambda rules: list(_unknown_plans(rules, catalogue))
    return read_marked(Rules, data, f"rules {name}", check=check)


def check_rules(rules: Rules, catalogue: Catalogue) -> None:
    """See that every plan the rules name is in a catalogue; `load_rules` does so with lines.

    Raises
    ------
    ConfigError
        Naming the first plan that is not.

    Examples
    --------
    >>> check_rules(Rules(version="mine", plans=(PlanRule(plans=("surv",), why="old"),)), megaline)
    Traceback (most recent call last):
    common_utils.errors.ConfigError: rules 'mine': plans.0.plans.0: 'surv' is not a plan of rate card \
'megaline-2018'; did you mean 'surf'?
    """
    for where, message in _unknown_plans(rules, catalogue):
        raise ConfigError(f"rules {rules.version!r}: {'.'.join(map(str, where))}: {message}")


def configured_rules(path: Path | None, project: Path, catalogue: Catalogue) -> Rules:
    """Return the rules of the file that the settings name, the built-in ones where they name none.

    Parameters
    ----------
    path : Path or None
        The setting `rules`.
    project : Path
        Folder that a relative path counts from.
    catalogue : Catalogue
        The plans the file may name.

    Raises
    ------
    ConfigError
        As `load_rules`.
    """
    return built_in_rules() if path is None else load_rules(resolve_path(project, path), catalogue)


def rules_file(path: Path | None, project: Path) -> bytes:
    """Return the bytes of the configured rule file, or of one that says what is built in.

    Examples
    --------
    >>> parse_rules(rules_file(None, Path()), "built in") == built_in_rules()
    True
    """
    return dump_config(built_in_rules()).encode() if path is None else resolve_path(project, path).read_bytes()


def _unknown_plans(rules: Rules, catalogue: Catalogue) -> Iterable[YamlProblem]:
    known = {*catalogue.plan_ids, *(plan.plan_id for plan in catalogue.detailed)}
    for i, rule in enumerate(rules.plans):
        for field, ids in (("plans", rule.plans), ("holders_of", rule.holders_of or ())):
            for j, plan_id in enumerate(ids):
                if plan_id not in known:
                    yield ("plans", i, field, j), _no_plan(plan_id, catalogue)


def _no_plan(plan_id: str, catalogue: Catalogue) -> str:
    near = get_close_matches(plan_id, catalogue.plan_ids, n=1)
    known = f"did you mean {near[0]!r}?" if near else f"its plans: {', '.join(catalogue.plan_ids[:5])}, ..."
    return f"{plan_id!r} is not a plan of rate card {catalogue.version!r}; {known}"
