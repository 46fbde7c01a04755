from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.config.sources import Layers, environment_settings, parse_scalar
from common_utils.errors import ConfigError


def test_layers_replaces_a_value_by_a_branch_and_back():
    layers = Layers()
    layers.put((), {"a": 1, "b": {}}, "one")
    layers.put(("a", "x"), 2, "two")
    assert layers.tree == {"a": {"x": 2}, "b": {}}
    assert layers.sources(("a", "x")) == ["two"]
    layers.put(("a",), None, "three")
    assert layers.tree == {"a": None, "b": {}}
    assert layers.sources(("a",)) == ["three"]
    assert layers.sources(()) == ["one", "three"]
    assert layers.sources(("elsewhere",)) == []


names = st.sampled_from("abc")
trees = st.recursive(st.integers(), lambda below: st.dictionaries(names, below, min_size=1, max_size=3), max_leaves=6)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.dictionaries(names, trees, min_size=1, max_size=3), min_size=1, max_size=4))
def test_layers_the_last_source_is_there_in_full(sources: list[dict[str, object]]):
    layers = Layers()
    for number, source in enumerate(sources):
        layers.put((), source, str(number))

    def holds(tree: object, part: object) -> bool:
        if isinstance(part, dict):
            return isinstance(tree, dict) and all(
                key in tree and holds(tree[key], value) for key, value in part.items()
            )
        return tree == part

    assert holds(layers.tree, sources[-1])
    assert str(len(sources) - 1) in layers.sources(())


def test_environment_settings_orders_whole_sections_first():
    environ = {"X__A__B": "1", "X__A": "{}", "PATH": "y", "X_CONFIG": "z"}
    assert environment_settings(environ, "x") == [("X__A", ("A",), "{}"), ("X__A__B", ("A", "B"), "1")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0), ("-7", -7), ("0123", "0123"), ("1_000", "1_000"), ("0x1F", "0x1F"), ("1.5", 1.5), ("1.0e+3", 1000.0),
        ("1e3", "1e3"), ("yes", "yes"), ("False", False), ("~", None), ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"), ("=", "="), ("{a: [1]}", {"a": [1]}),
    ],
)  # fmt: skip
def test_parse_scalar_follows_yaml_1_2(text: str, expected: object):
    value = parse_scalar(text, "x")
    assert value == expected
    assert isinstance(value, type(expected))


def test_parse_scalar_names_the_source_and_not_the_text():
    with pytest.raises(ConfigError, match=r"X__A: the value is not valid YAML") as caught:
        parse_scalar("{s3cret", "X__A")
    assert "s3cret" not in str(caught.value)


def test_parse_scalar_refuses_a_number_too_long_for_python():
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_scalar("9" * 5000, "x")
