from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.bundle.names import check_name, check_text, is_plain_name
from common_utils.errors import ConfigError


@pytest.mark.parametrize(
    "name", ["a", "planrec", "2026-11", "model.joblib", "_x", "A-b_c.9", "x" * 64, "console", "lpt"]
)
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name, "project") == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="dot"),
        pytest.param("a..b", id="dots-inside"),
        pytest.param("a.", id="dot-at-the-end"),
        pytest.param("a ", id="space-at-the-end"),
        pytest.param("-rf", id="option"),
        pytest.param(".hidden", id="hidden"),
        pytest.param("a/b", id="slash"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a\n", id="newline-at-the-end"),
        pytest.param("a\0", id="nul"),
        pytest.param("%2e%2e", id="percent"),
        pytest.param("а", id="cyrillic-a"),
        pytest.param("１", id="wide-digit"),
        pytest.param("٣", id="arabic-digit"),
        pytest.param("\udcff", id="surrogate"),
        pytest.param("nul", id="device"),
        pytest.param("Com1.txt", id="device-with-ending"),
        pytest.param("x" * 65, id="too-long"),
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    assert not is_plain_name(name)
    with pytest.raises(ConfigError, match=r"^key id '.* is not a plain name: give 1 to 64 ASCII letters") as caught:
        check_name(name, "key id")
    assert str(caught.value).isascii()


@given(st.text(max_size=80))
def test_a_plain_name_stays_in_its_folder_whatever_the_text(text: str) -> None:
    if is_plain_name(text):
        assert set(text) <= set(string.ascii_letters + string.digits + "._-")
        assert text[0] not in ".-"
        assert ".." not in text
        assert not text.endswith(".")


@pytest.mark.parametrize("text", ["fewer complaints", "größerer Test, Schritt 2", "回滚"])
def test_a_text_in_any_language_is_taken(text: str) -> None:
    assert check_text(text, "why", longest=40) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ", id="blank"),
        pytest.param("x" * 41, id="too-long"),
        pytest.param("a\nb", id="two-lines"),
        pytest.param("a\u2028b", id="line-separator"),
        pytest.param("\x1b[2J", id="terminal-escape"),
        pytest.param("a\u202eb", id="right-to-left-override"),
        pytest.param("\udc80", id="surrogate"),
    ],
)
def test_a_text_that_would_disturb_a_terminal_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^why: give 1 to 40 printable characters on one line\.$"):
        check_text(text, "why", longest=40)
