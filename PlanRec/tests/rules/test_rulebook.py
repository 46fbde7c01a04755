from __future__ import annotations

import re
from pathlib import Path

import pytest

from common_utils.errors import ConfigError
from planrec.billing import Catalogue
from planrec.rules import ExclusionCode, Rules, built_in_rules, configured_rules, load_rules, parse_rules
from planrec.rules.rulebook import PlanRule, check_rules

GOOD = """version: rules-7
contract:
  while_bound: allow_dearer
offers:
  max_contacts_90d: null
plans:
  - plans: [prepaid-0]
    holders_of: [unlimited]
    modes: [offer]
    why: not promoted
  - plans: [flex-5]
    why: withdrawn
"""


def test_a_rule_file_is_read_with_defaults_for_what_it_leaves_out() -> None:
    rules = parse_rules(GOOD.encode(), "mine")
    assert (rules.version, rules.contract.while_bound, rules.offers.max_contacts_90d) == (
        "rules-7",
        "allow_dearer",
        None,
    )
    assert rules.offers.consent_required
    assert rules.plans[0].modes == ("offer",)
    assert (rules.plans[1].modes, rules.plans[1].holders_of) == (("advice", "offer"), None)


def test_shipped_rules_say_what_is_built_in(project_folder: Path, catalogue: Catalogue) -> None:
    shipped = load_rules(project_folder / "configs" / "rules.yaml", catalogue)
    assert shipped.model_copy(update={"version": "built-in"}) == built_in_rules()


def test_the_example_in_the_shipped_file_works(project_folder: Path, catalogue: Catalogue) -> None:
    text = (project_folder / "configs" / "rules.yaml").read_text(encoding="utf-8")
    above, example = text.split("plans: []", 1)
    lines = [line.removeprefix("#") for line in example.splitlines()[1:]]
    rules = parse_rules("\n".join([above, "plans:", *lines]).encode(), "example", catalogue)
    assert rules.plans == (
        PlanRule(plans=("prepaid-0",), modes=("offer",), holders_of=("unlimited",), why="not promoted since March"),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("prepaid-0", "prepaid-1", r"line 7, plans\.0\.plans\.0: 'prepaid-1' .*'prepaid-0'", id="plan"),
        pytest.param("[unlimited]", "[xx]", r"line 8, plans\.0\.holders_of\.0: .*; its plans: prep", id="held"),
        pytest.param("[offer]", "[offers]", r"line 9, plans\.0\.modes\.0: .*'advice' or 'offer'", id="mode"),
        pytest.param("[offer]", "[]", r"line 9, plans\.0\.modes: .*at least 1 item", id="no-mode"),
        pytest.param("[unlimited]", "[]", r"line 8, plans\.0\.holders_of: .*at least 1 item", id="nobody"),
        pytest.param("why: withdrawn", "wy: withdrawn", r"line 12, plans\.1\.wy: .*mean 'plans\.why'", id="key"),
        pytest.param("    why: withdrawn\n", "", r"line 11, plans\.1\.why: required", id="no-reason"),
        pytest.param("null", "-1", r"line 5, offers\.max_contacts_90d: .*greater than or equal to 0", id="range"),
        pytest.param("allow_dearer", "allow", r"line 3, contract\.while_bound: .*'deny' or 'allow_dearer'", id="word"),
        pytest.param("version: rules-7", "version: ''", r"line 1, version: .*at least 1 character", id="no-version"),
    ],
)  # fmt: skip
def test_a_bad_rule_file_is_refused_with_line_and_reason(catalogue: Catalogue, old: str, new: str, said: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ConfigError, match=rf"^rules mine: \d problems?:\n(.*\n)*{said}"):
        parse_rules(GOOD.replace(old, new).encode(), "mine", catalogue)


def test_plans_are_looked_up_only_where_a_rate_card_is_given() -> None:
    assert parse_rules(GOOD.replace("prepaid-0", "gone").encode(), "mine").plans[0].plans == ("gone",)


def test_check_rules_accepts_rules_that_fit(catalogue: Catalogue) -> None:
    check_rules(parse_rules(GOOD.encode(), "mine"), catalogue)
    with pytest.raises(ConfigError, match=r"rules 'mine': plans\.0\.holders_of\.0: 'gone' is not a plan"):
        check_rules(
            Rules(version="mine", plans=(PlanRule(plans=("unlimited",), holders_of=("gone",), why="x"),)), catalogue
        )


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file\. Name an existing one with --rules"):
        load_rules(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(IsADirectoryError\)"):
        configured_rules(tmp_path, Path(), catalogue)


def test_configured_rules_count_from_the_project(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD, encoding="utf-8")
    assert configured_rules(Path("mine.yaml"), tmp_path, catalogue).version == "rules-7"
    assert configured_rules(None, tmp_path, catalogue) == built_in_rules()


def test_asking_overrides_the_minimum_gain_of_one_mode() -> None:
    asked = built_in_rules().asking("advice", 0)
    assert (asked.min_gain_cents("advice"), asked.min_gain_cents("offer")) == (0, 100)
    assert built_in_rules().asking("offer", None) == built_in_rules()


def test_the_page_on_rules_lists_every_reason_code(project_folder: Path) -> None:
    page = (project_folder / "docs" / "rules.md").read_text(encoding="utf-8")
    listed = re.findall(r"`([A-Z][A-Z0-9_]+)`", page.split("\n\n- ")[0])
    assert sorted(listed) == sorted(code.name for code in ExclusionCode if code)
