from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from common_utils.config import BaseConfig
from common_utils.config.marked_yaml import YamlProblem, read_marked
from common_utils.errors import ConfigError


class Item(BaseConfig, strict=True):
    plans: tuple[str, ...] = Field(strict=False)
    when: Literal["always", "never"] = "always"


class Shop(BaseConfig, strict=True):
    version: str
    open_on_sunday: bool = False
    most: int | None = Field(None, ge=0, le=9)
    items: tuple[Item, ...] = Field((), strict=False)


GOOD = """# a comment
version: shop-1
open_on_sunday: true
most: 3
items:
  - plans: [a, b]
  - plans:
      - c
    when: never
"""


def read(text: str | bytes) -> Shop:
    return read_marked(Shop, text if isinstance(text, bytes) else text.encode(), "shop.yaml")


def test_a_good_file_fills_the_model() -> None:
    shop = read(GOOD)
    assert shop.items[1] == Item(plans=("c",), when="never")
    assert (shop.version, shop.open_on_sunday, shop.most) == ("shop-1", True, 3)


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read(b"\xef\xbb\xbfversion: x").version == "x"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("when: never", "when: sometimes", "line 9, items.1.when: .*'always' or 'never'", id="word"),
        pytest.param("when: never", "wen: never", "line 9, items.1.wen: .*did you mean 'items.when'", id="key"),
        pytest.param("when: never", "zzzzzzzzzzzz: 1", "line 9, items.1.z+: .*known here: items.plans", id="far-key"),
        pytest.param("most: 3", "most: 10", "line 4, most: input should be less than or equal to 9", id="range"),
        pytest.param("most: 3", "most: 2.0", "line 4, most: write a whole number", id="float"),
        pytest.param("most: 3", "most: 'x'", "line 4, most: write a whole number", id="text"),
        pytest.param("sunday: true", "sunday: yes", "line 3, open_on_sunday: write true or false", id="yes"),
        pytest.param("sunday: true", "sunday:", "line 3, open_on_sunday: write true or false", id="left-empty"),
        pytest.param("version: shop-1", "version: 1", "line 2, version: write text", id="number-as-text"),
        pytest.param("version: shop-1\n", "", "line 2, version: required; add it", id="missing"),
        pytest.param("plans: [a, b]", "plans: a", r"line 6, items.0.plans: write a list: \[a, b\]", id="no-list"),
        pytest.param("plans: [a, b]", "plans: [a, 1]", "line 6, items.0.plans.1: write text", id="in-a-list"),
        pytest.param("- plans: [a, b]", "- a", "line 6, items.0: write a section", id="no-section"),
        pytest.param("most: 3", "version: again", "line 4: key 'version' is given twice, first on line 2", id="twice"),
        pytest.param("[a, b]", "[a, b", "line 7: ", id="bracket"),
        pytest.param("most: 3", "most: &x 3\nmost2: *x", "line 4: an anchor", id="anchor"),
        pytest.param("most: 3", "<<: {most: 3}", "line 4: a key is not a plain word", id="merge"),
        pytest.param("most: 3", "? [a]\n: 3", "line 4: a key is not a plain word", id="list-as-key"),
        pytest.param("most: 3", "most: !!python/name:os.system x", "line 4: the tag .* is not allowed", id="tag"),
        pytest.param("most: 3", "most: !!int one", "line 4: the value does not fit its kind", id="not-its-kind"),
        pytest.param("most: 3", "most: !!bool one", "line 4: the value does not fit its kind", id="no-bool"),
        pytest.param("a comment", "a\x07", "line 1: special characters are not allowed", id="control-character"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_line_and_reason(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=rf"^shop\.yaml: (1 problem:\n)?{said}"):
        read(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "line 1: the file is empty; `key: value` lines are needed", id="empty"),
        pytest.param(b"# only this\n", "line 1: the file is empty", id="comment-only"),
        pytest.param(b"- a\n", "line 1: the file is not a section", id="list"),
        pytest.param(b"version: a\nmost: \xff", "line 2: not UTF-8", id="latin-1"),
        pytest.param(b"a: 1\n---\nb: 2", "line 2: ", id="two-documents"),
        pytest.param(b"[" * 20_000, "too deep", id="deep"),
        pytest.param(b"a: &a [*a]", "an anchor", id="recursive"),
        pytest.param(b"most: " + b"9" * 5000, "line 1: the value does not fit its kind", id="many-digits"),
    ],
)
def test_what_is_no_mapping_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(data)


def test_at_most_five_problems_are_listed() -> None:
    with pytest.raises(ConfigError, match=r"^shop\.yaml: 7 problems:\n(line 1, .*\n){5}and 2 more$"):
        read("{version: a, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1}")


def test_a_further_check_is_told_with_its_line() -> None:
    def check(shop: Shop) -> list[YamlProblem]:
        return [(("items", 1, "plans", 0), f"{shop.items[1].plans[0]!r} is not sold")]

    with pytest.raises(ConfigError, match=r"line 8, items\.1\.plans\.0: 'c' is not sold"):
        read_marked(Shop, GOOD.encode(), "shop.yaml", check=check)
    assert read_marked(Shop, GOOD.encode(), "shop.yaml", check=lambda _: []).most == 3


@given(st.one_of(st.binary(max_size=60), st.text("abmostversin:- []{}&*!?<>'\"\n#0", max_size=60).map(str.encode)))
def test_whatever_the_bytes_it_is_a_model_or_a_config_error(data: bytes) -> None:
    try:
        result: Shop | str = read_marked(Shop, data, "shop.yaml")
    except ConfigError as error:
        result = str(error)
    assert isinstance(result, Shop) or result.startswith("shop.yaml: ")


class Size(BaseConfig):
    people: int
    parts: tuple[float, ...] = ()


def test_strict_takes_a_number_only_where_one_is_written() -> None:
    assert read_marked(Size, b"people: 7\nparts: [1, 2.5]", "size", strict=True) == Size(people=7, parts=(1.0, 2.5))
    assert read_marked(Size, b"people: 0750", "size") == Size(people=750)
    for text, said in (
        ("people: 0750", r"line 1, people: write a whole number"),
        ("people: '7'", r"line 1, people: write a whole number"),
        ("people: 7\nparts: [1, x]", r"line 2, parts\.1: input should be a valid number"),
        ("people: 7\nsize: 1", r"line 2, size: unknown key"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_marked(Size, text.encode(), "size", strict=True)
