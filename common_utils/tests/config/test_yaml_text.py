from __future__ import annotations

from decimal import Decimal

import pytest

from common_utils.config.yaml_text import YamlTextError, exact_decimal, read_content


@pytest.mark.parametrize(
    "written", ["0750", "9:30", "0x100", "0o17", "1_000", "yes", "no", "on", "2026-01-01", "1:30:00", "00.5", "1e3"]
)
def test_what_yaml_1_1_would_change_stays_text(written: str) -> None:
    assert read_content(f"fee: {written}").value == {"fee": written}


@pytest.mark.parametrize("written", ["0.10", "1.0", "29.90", "0.1000000000000000055511151231257827", "-3.5"])
def test_a_number_keeps_the_text_it_was_written_with(written: str) -> None:
    value = read_content(f"- {written}").value
    assert isinstance(value, list)
    assert exact_decimal(value[0]) == Decimal(written)
    assert str(exact_decimal(value[0])) == written


@pytest.mark.parametrize("value", ["0.10", True, None, 0.1])
def test_what_is_no_written_number_has_no_exact_decimal(value: object) -> None:
    with pytest.raises(ValueError, match="write a number"):
        exact_decimal(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2", "line 4: key 'c' is given twice, first on line 3", id="twice"),
        pytest.param("a: 1\n'a': 2", "line 2: key 'a' is given twice", id="twice-quoted"),
        pytest.param("1: x\n'1': y", "line 2: key '1' is given twice", id="number-and-text"),
        pytest.param("a: &x [*x]", "line 1: an anchor .* refers to itself", id="circle"),
        pytest.param("a: 1\nb: !!int 0750", "line 2: the value does not fit its kind", id="tagged-octal"),
        pytest.param("a: !!int 9:30", "line 1: the value does not fit its kind", id="tagged-sexagesimal"),
        pytest.param("a: !!bool yes", "line 1: the value does not fit its kind", id="tagged-yes"),
        pytest.param("a: 1\nb: {<<: 3}", "line 2: `<<` needs a section", id="merge-of-a-number"),
    ],
)
def test_what_would_lose_something_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(YamlTextError, match=said):
        read_content(text, anchors=True)


def test_anchors_are_taken_where_they_are_allowed() -> None:
    text = "base: &b {fee: 1, name: x}\nplan: {<<: *b, fee: 2}\nother: {<<: [*b, {more: 1}]}"
    value = read_content(text, anchors=True).value
    assert value == {
        "base": {"fee": 1, "name": "x"},
        "plan": {"fee": 2, "name": "x"},
        "other": {"fee": 1, "name": "x", "more": 1},
    }
    with pytest.raises(YamlTextError, match="line 2: "):
        read_content(text)


def test_copies_of_copies_do_not_grow() -> None:
    lines = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert isinstance(read_content("\n".join(lines), anchors=True).value, dict)
