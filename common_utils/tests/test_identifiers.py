"""The cleaned form of an identifier is the one that tables give it."""

from __future__ import annotations

import random
import unicodedata

import pyarrow as pa
import pytest

from common_utils.identifiers import cleaned_id
from common_utils.tables.types import convert_text

# Ends that tables refuse for what they look like, such as `#N/A` or 1E+5, are no matter of cleaning.
_LETTERS = [
    *"abXY-_.+/79 ",
    "\u00e9",
    "e\u0301",
    "\u00fc",
    "\u0041\u030a",
    "\u212b",
    "\u1e9b\u0323",
    "\u0661",
    "\u4e00",
]
_BLANKS = [" ", "\t", "\n", "\r", "\x0b", "\x0c", "\u00a0", "\u2003", "\u2028", "\u3000", "\u0085", "\u1680"]
_UNSEEN = ["\u200b", "\u200d", "\u00ad", "\ufeff", "\u202e", "\u2066", "\u2060"]


def _texts(count: int) -> list[str]:
    rng = random.Random(15)  # noqa: S311 - no secret
    drawn = [*_LETTERS, *_LETTERS, *_BLANKS, *_UNSEEN]
    return ["k" + "".join(rng.choices(drawn, k=rng.randint(0, 12))) + "k" for _ in range(count)]


@pytest.mark.parametrize("around", ["", " ", "\u00a0\u200b ", "\u200b\t\ufeff\u2003", "\u0085\x1f"], ids=ascii)
def test_files_clean_identifiers_alike(around: str) -> None:
    texts = [f"{around}{text}{around}" for text in _texts(2000)]
    assert [cleaned_id(text) for text in texts] == convert_text(pa.array(texts), "id").values.to_pylist()


def test_cleaning_twice_changes_nothing_and_leaves_nothing_unseen() -> None:
    for text in (f" {text}\u200b" for text in _texts(500)):
        clean = cleaned_id(text)
        assert cleaned_id(clean) == clean == clean.strip()
        assert not any(unicodedata.category(letter) == "Cf" for letter in clean)


@pytest.mark.parametrize("nothing", ["", "  ", "\u200b", " \u200b\u00a0\ufeff\n"], ids=ascii)
def test_what_is_not_seen_is_nothing(nothing: str) -> None:
    assert cleaned_id(nothing) == ""
