from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.bundle import Bundle, write_bundle
from common_utils.errors import ArtifactError
from common_utils.evaluation import Interval
from common_utils.reporting.cards import bundle_facts, facts_table, format_interval, markdown_table, render_card

INFO = {
    "libraries": {"scikit-learn": "1.9.1", "numpy": "2.4.1"},
    "python": "3.11.7",
    "git_commit": "0" * 40 + "-dirty",
    "seed": 42,
    "data_fingerprint": "ab" * 32,
    "config_fingerprint": None,
    "row_counts": {"train": 1234567, "test": 89, "split": "by subscriber"},
    "unknown": ["ignored"],
}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(
        tmp_path,
        info=INFO,
        write=lambda folder: (folder / "a").touch(),
        clock=lambda: datetime(2026, 11, 23, 12, 1, 2, tzinfo=UTC),
    )


def test_render_card_fills_each_placeholder_and_leaves_dollars_alone() -> None:
    template = "# Card\nRegret $${regret}, fee $20, seed ${seed}; again ${seed}.\n\n\n"
    values = {"regret": "9.20 ${seed} \\1", "seed": 42}
    assert render_card(template, values) == "# Card\nRegret $9.20 ${seed} \\1, fee $20, seed 42; again 42.\n"


@pytest.mark.parametrize(
    ("template", "values", "match"),
    [
        pytest.param("${a} ${b}", {"a": "x"}, r"without a value \['b'\]", id="unknown"),
        pytest.param("${a}", {"a": "x", "c": "y"}, r"without a placeholder \['c'\]", id="unused"),
        pytest.param("first\n${Metrics Table}", {}, "line 2: malformed placeholder", id="malformed"),
        pytest.param("${open", {}, "line 1: malformed placeholder", id="open"),
        pytest.param("${a}", {"a": None}, "card value 'a' is a NoneType", id="none"),
        pytest.param("${a}", {"a": {"x": 1}}, "card value 'a' is a dict", id="mapping"),
        pytest.param("${a}", {"a": True}, "card value 'a' is a bool", id="bool"),
    ],
)
def test_render_card_refuses_what_does_not_fit(template: str, values: dict[str, object], match: str) -> None:
    with pytest.raises(ArtifactError, match=match):
        render_card(template, values)


def test_markdown_table_aligns_and_formats_every_kind_of_cell() -> None:
    rows = [
        {"name": "accuracy", "value": Interval(0.5, 0.4, 0.6), "ok": True},
        {"name": "n", "value": 1200, "ok": False},
        {"name": "saving", "value": {"estimate": 1.0, "low": None, "high": None}, "ok": None},
        {"name": "ece", "value": 0.01234},
    ]
    assert markdown_table(rows, {"name": "figure", "value": "value", "ok": "gate"}, "lrc").splitlines() == [
        "| figure   |                value | gate |",
        "| :------- | -------------------: | :--: |",
        "| accuracy | 0.500 [0.400, 0.600] | yes  |",
        "| n        |                 1200 |  no  |",
        "| saving   |                1.000 | n/a  |",
        "| ece      |                0.012 |      |",
    ]


def test_markdown_table_escapes_what_would_break_it() -> None:
    table = markdown_table([{"a": "x|y\\|<script>\nnext "}], ["a"])
    assert table.splitlines()[-1] == "| x\\|y\\\\\\|&lt;script><br>next |"


def test_markdown_table_without_rows_or_columns() -> None:
    assert markdown_table([], ["a"]) == "| a  |\n| :- |"
    assert markdown_table([], []) == "(none)"


@pytest.mark.parametrize(
    ("columns", "align", "match"),
    [
        pytest.param(["a"], "lr", r"'lr' does not fit 1 column\(s\)", id="length"),
        pytest.param(["a"], "x", "does not fit", id="letter"),
        pytest.param(["a", "b"], None, r"no row has column\(s\) \['b'\]", id="absent"),
    ],
)
def test_markdown_table_refuses_columns_that_do_not_fit(columns: list[str], align: str | None, match: str) -> None:
    with pytest.raises(ArtifactError, match=match):
        markdown_table([{"a": 1}], columns, align)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_markdown_table_keeps_its_shape_whatever_the_text(cells: list[str]) -> None:
    table = markdown_table([{"a": cell, "b": 1} for cell in cells], ["a", "b"])
    lines = table.split("\n")
    assert len(lines) == len(cells) + 2
    assert len({len(line) for line in lines}) == 1
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Interval(-0.0001, -0.2, 0.1), "0.00 [-0.20, 0.10]", id="no-negative-zero"),
        pytest.param({"estimate": 1234.5, "low": 9.0, "high": 2000.0, "n": 3}, "1,234.50 [9.00, 2,000.00]", id="json"),
        pytest.param({"estimate": None}, "n/a", id="no-estimate"),
        pytest.param(float("nan"), "n/a", id="nan"),
        pytest.param(7, "7.00", id="integer"),
    ],
)  # fmt: skip
def test_format_interval(value: object, expected: str) -> None:
    assert format_interval(value, digits=2) == expected  # type: ignore[arg-type]


def test_bundle_facts_are_what_the_manifest_says(bundle: Bundle) -> None:
    facts = bundle_facts(bundle)
    assert facts["version"] == bundle.version
    assert facts["created"] == "2026-11-23T12:01:02+00:00"
    assert facts["git_commit"].endswith("-dirty")
    assert facts["config_fingerprint"] == "not recorded"
    assert facts["libraries_table"].splitlines()[2:] == ["| numpy        | 2.4.1   |", "| scikit-learn | 1.9.1   |"]
    assert facts["row_counts_table"].splitlines()[2:] == [
        "| split | by subscriber |",
        "| test  |            89 |",
        "| train |     1,234,567 |",
    ]
    assert facts == bundle_facts(bundle)


def test_a_card_inside_the_bundle_is_made_from_its_info() -> None:
    facts = bundle_facts(INFO)
    assert "version" not in facts
    assert facts["seed"] == "42"
    assert bundle_facts({})["libraries_table"] == "not recorded"


def test_facts_table_holds_everything_once(bundle: Bundle) -> None:
    table = facts_table(bundle)
    for text in (bundle.version, "3.11.7", "numpy 2.4.1, scikit-learn 1.9.1", "test 89, train 1,234,567"):
        assert table.count(text) == 1
    assert table == facts_table(bundle)
    assert "| rows               | not recorded |" in facts_table({})


@pytest.mark.parametrize("key", ["libraries", "row_counts"])
def test_facts_of_the_wrong_shape_are_refused(key: str) -> None:
    with pytest.raises(ArtifactError, match=f"bundle info '{key}' is not a mapping"):
        bundle_facts({key: ["numpy"]})


def test_cards_need_no_heavy_library() -> None:
    heavy = {"pandas", "sklearn", "scipy", "joblib"}
    code = f"import sys, common_utils.reporting.cards; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
