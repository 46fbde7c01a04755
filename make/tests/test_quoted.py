"""Names in back quotes name what exists; the list of exceptions is empty because there is none to make."""

from __future__ import annotations

from pathlib import Path

import pytest
from members import MEMBERS, ROOT
from quoted import QuotedName, SourceTree, quoted_names, unresolved


@pytest.fixture(scope="module")
def planrec(root: Path) -> SourceTree:
    return SourceTree(root, "common_utils", "PlanRec")


def test_every_dotted_name_in_back_quotes_names_something(root: Path) -> None:
    assert [str(name) for name in unresolved(root)] == []


@pytest.mark.parametrize(
    "name",
    [
        "planrec.billing.Catalogue",  # a face
        "billing.catalogue.Catalogue.plan_ids",  # an attribute of a class in a module
        "decisions.rows",
        "common_utils.tables.read",
        "advice.forecast_risk_weight",  # a setting
        "data.table.timezone",  # a setting of a setting
        "while_bound.no_such",  # not ours to judge: the first part is none of our names
    ],
)
def test_what_exists_is_found(planrec: SourceTree, name: str) -> None:
    assert planrec.resolves(name) == planrec.is_ours(name)


@pytest.mark.parametrize(
    "name",
    [
        "features.decision_table",  # moved elsewhere
        "planrec.no_such_module",
        "billing.catalogue.Catalogue.no_such",
        "billing.catalogue.NoSuch",
        "advice.no_such_setting",
        "data.table.no_such_setting",
        "rules.apply.apply_rules.no_such",
    ],
)
def test_what_is_gone_is_found_missing(planrec: SourceTree, name: str) -> None:
    assert planrec.is_ours(name)
    assert not planrec.resolves(name)


def test_comments_docstrings_messages_and_documents_are_read(tmp_path: Path) -> None:
    code, page = tmp_path / "some.py", tmp_path / "some.md"
    # A tilde stands for the back quote, so that this file names nothing itself.
    text = (
        '"""Tells of ~a.one~\nand of ~config.yaml~ and ~a.two(x)~."""\n'
        "x = 1  # see ~a.three~\n"
        'raise E(f"{x}: use ~a.four=7~, ~~a.literal~~ or ~plain~")\n'
    )
    code.write_text(text.replace("~", "`"), encoding="utf-8")
    page.write_text("First\n\nSee ~a.five~ and [~a.six~](x.md).\n".replace("~", "`"), encoding="utf-8")
    assert sorted((name.line, name.name) for name in quoted_names(code, "some.py")) == [
        (1, "a.one"),
        (2, "a.two"),
        (3, "a.three"),
        (4, "a.four"),
    ]
    found = list(quoted_names(page, "docs/some.md"))
    assert [(name.line, name.name) for name in found] == [(3, "a.five"), (3, "a.six")]
    assert str(QuotedName("docs/some.md", 3, "a.five")).startswith("docs/some.md:3: ")


def test_a_name_of_nothing_at_all_is_found_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "See ~old_module.function~, ~numpy.ndarray~ and ~billing.Catalogue~.\n".replace("~", "`"), encoding="utf-8"
    )
    monkeypatch.setattr("quoted.tracked_files", lambda _: ["page.md"])
    monkeypatch.setattr("quoted.SourceTree", lambda *_: SourceTree(ROOT, *MEMBERS))
    assert [name.name for name in unresolved(tmp_path)] == ["old_module.function"]
