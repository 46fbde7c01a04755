"""Profiles: what is counted, that parts add up exactly, and that nothing inconsistent is read."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.monitoring.profiles.counting import bin_edges, empty_like, profile_like, reference_profile
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile, merge
from common_utils.monitoring.profiles.profile_json import parse_profile, profile_bytes, profile_from, profile_to
from common_utils.monitoring.profiles.subjects import SubjectSketch

_LEVELS = np.array([f"level {i}" for i in range(300)], dtype=object)


def _table(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    zeros = rng.lognormal(3, 1, rows) * (rng.random(rows) > 0.4)
    tails = rng.lognormal(3, 1, rows)
    tails[rng.random(rows) < 0.1] = np.nan
    texts = _LEVELS[np.minimum(rng.geometric(0.02, rows), 299)].copy()
    texts[rng.random(rows) < 0.05] = None
    columns = {"zeros": zeros, "tails": tails, "flag": rng.random(rows) < 0.3, "model": texts}
    return {"columns": columns, "score": rng.random(rows), "subjects": rng.integers(0, 900, rows)}


def _reference() -> Profile:
    return reference_profile(**_table(np.random.default_rng(1), 2_000), months=["2025-01"])


def _part(table: dict[str, Any], rows: slice) -> dict[str, Any]:
    columns = {name: column[rows] for name, column in table["columns"].items()}
    return {"columns": columns, "score": table["score"][rows], "subjects": table["subjects"][rows]}


@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_profile_of_both_is_the_merge_of_each(seed: int, first: int, second: int) -> None:
    table, reference = _table(np.random.default_rng(seed), first + second), _reference()
    a = profile_like(reference, **_part(table, slice(None, first)), months=["2025-03"])
    b = profile_like(reference, **_part(table, slice(first, None)), months=["2025-02", "2025-03"])
    both = profile_like(reference, **table, months=["2025-02", "2025-03"])
    assert merge(a, b) == both == merge(b, a) == merge(empty_like(reference), a, b)
    assert parse_profile(profile_bytes(both), "x") == both


def test_pieces_and_restarts_add_up_in_any_order() -> None:
    table, reference = _table(np.random.default_rng(7), 1_000), _reference()
    parts = [profile_like(reference, **_part(table, slice(start, start + 90))) for start in range(0, 1_000, 90)]
    assert merge(*parts) == merge(*parts[::-1]) == profile_like(reference, **table)


def test_counts_agree_with_counting_one_by_one() -> None:
    table, reference = _table(np.random.default_rng(3), 500), _reference()
    profile = profile_like(reference, **table)
    for name, known in profile.numbers.items():
        values = table["columns"][name].astype(float)
        ends = [-np.inf, *known.edges, np.inf]
        counts = [sum(low < v <= high for v in values) for low, high in pairwise(ends)]
        assert known.counts.tolist() == counts
        assert known.missing == sum(np.isnan(values))
    model = profile.categories["model"]
    trained = set(_table(np.random.default_rng(1), 2_000)["columns"]["model"].tolist())
    said = table["columns"]["model"].tolist()
    assert {level: said.count(level) for level in model.counts} == dict(model.counts)
    assert model.missing == said.count(None)
    assert model.unknown == sum(level is not None and level not in trained for level in said)
    assert model.rows == 500


def test_edges_are_unique_and_heavy_values_have_a_bin_of_their_own() -> None:
    values = np.concatenate([np.zeros(400), np.full(300, 12.0), np.linspace(0.5, 40, 300)])
    edges = bin_edges(values)
    assert (np.diff(edges) > 0).all()
    found = profile_like(reference_profile({"x": values}), {"x": np.array([-1.0, 0.0, 11.999, 12.0, 12.001, 1e9])})
    counts = found.numbers["x"].counts
    assert counts[np.searchsorted(edges, 0.0)] == counts[np.searchsorted(edges, 12.0)] == 1
    assert counts.max() == 1
    assert reference_profile({"x": values}).numbers["x"].counts[np.searchsorted(edges, 12.0)] == 300


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.array([]), id="nothing"),
        pytest.param(np.array([np.nan, np.nan]), id="all-missing"),
        pytest.param(np.array([np.inf, -np.inf]), id="infinite"),
        pytest.param(np.full(9, 3.5), id="constant"),
        pytest.param(np.array([5e-324, 1e308, -1e308] * 5), id="extremes"),
        pytest.param(np.array([0.0, -0.0] * 5), id="two-zeros"),
        pytest.param(1e9 + np.arange(100) / 1e3, id="narrow-and-far-from-zero"),
    ],
)
def test_any_numbers_make_a_profile_that_is_read_again(values: np.ndarray) -> None:
    profile = reference_profile({"x": values})
    assert profile.numbers["x"].rows == len(values)
    assert parse_profile(profile_bytes(profile), "x") == profile


def test_narrow_numbers_far_from_zero_keep_their_bins() -> None:
    counts = reference_profile({"x": 1e9 + np.arange(1000) / 1e3}).numbers["x"].counts
    assert len(counts) == 10
    assert counts.min() >= 90


def test_no_edge_is_the_value_of_one_row() -> None:
    values = np.random.default_rng(0).lognormal(8, 1, 3_000)
    assert not np.isin(bin_edges(values), values).any()


def test_levels_of_few_rows_are_joined_and_not_named() -> None:
    texts = np.array(["a"] * 6 + ["Mrs Miller"] * 4, dtype=object)
    profile = reference_profile({"x": texts})
    assert profile.categories["x"] == CategoryCounts({"a": 6}, 4, 0, 0, profile.categories["x"].tail)
    assert b"Miller" not in profile_bytes(profile)
    later = profile_like(profile, {"x": np.array(["Mrs Miller", "b", np.nan], dtype=object)})
    assert (later.categories["x"].other, later.categories["x"].unknown, later.categories["x"].missing) == (1, 1, 1)


def test_column_that_is_gone_is_missing_and_a_strange_one_is_not_looked_at() -> None:
    reference = reference_profile({"x": np.arange(9.0), "t": np.array(["a"] * 9, dtype=object)})
    profile = profile_like(reference, {"x": np.arange(4.0), "new": np.arange(4.0)})
    assert (profile.categories["t"].missing, profile.numbers["x"].missing, list(profile.numbers)) == (4, 0, ["x"])


def test_tables_that_do_not_fit_are_refused() -> None:
    reference = reference_profile({"x": np.arange(9.0), "y": np.arange(9.0)})
    with pytest.raises(DataError, match="'x' holds text"):
        profile_like(reference, {"x": np.array(["a"], dtype=object)})
    with pytest.raises(DataError, match="different lengths"):
        profile_like(reference, {"x": np.arange(3.0), "y": np.arange(4.0)})
    with pytest.raises(DataError, match="none of the features"):
        profile_like(reference, {"z": np.arange(3.0)})
    with pytest.raises(DataError, match="at least 2"):
        reference_profile({"x": np.arange(3.0)}, bins=1)


def test_merge_refuses_profiles_of_different_references() -> None:
    base = reference_profile({"x": np.arange(9.0), "t": np.array(["a"] * 9, dtype=object)}, score=np.arange(9.0))
    others = {
        r"'x' has other edges": {"x": np.arange(90.0), "t": np.array(["a"] * 90, dtype=object)},
        r"'t' has other levels": {"x": np.arange(9.0), "t": np.array(["b"] * 9, dtype=object)},
        r"feature\(s\) \['t'\]": {"x": np.arange(9.0)},
    }
    for match, columns in others.items():
        with pytest.raises(DataError, match=match):
            merge(base, reference_profile(columns, score=np.arange(float(len(columns["x"])))))
    with pytest.raises(DataError, match="one has a score"):
        merge(base, base.without_score())


@pytest.mark.parametrize(("distinct", "error"), [(200, 0.03), (3_400, 0.05), (100_000, 0.06)])
def test_subjects_that_repeat_between_parts_are_counted_once(distinct: int, error: float) -> None:
    names = np.array([f"subscriber-{i}" for i in range(distinct)], dtype=object)
    reference = reference_profile({"x": np.arange(9.0)})
    hours = [profile_like(reference, {"x": np.zeros(distinct)}, subjects=np.roll(names, turn)) for turn in (0, 3)]
    day = merge(*hours)
    assert day.rows == 2 * distinct
    assert day.subjects == pytest.approx(distinct, rel=error)
    assert hours[0].subjects == pytest.approx(day.subjects, rel=error)
    assert hours[0].subjects <= distinct


def test_rows_without_subject_count_as_one_each() -> None:
    reference = reference_profile({"x": np.arange(9.0)})
    hour = profile_like(reference, {"x": np.zeros(4)}, subjects=np.array(["a", None, "a", np.nan], dtype=object))
    assert (hour.rows, hour.subjects) == (4, 3)
    assert merge(hour, hour).subjects == 5
    table = profile_like(reference, {"x": np.zeros(4)})
    assert (table.subjects, merge(table, table).subjects, merge(hour, table).subjects) == (4, 8, 7)


def test_sketch_does_not_depend_on_other_names_or_their_kind() -> None:
    alone = SubjectSketch.of(np.array(["7"], dtype=object))
    beside = SubjectSketch.of(np.array(["7", "a much longer name"], dtype=object))
    assert alone.joined(SubjectSketch.of(np.array(["a much longer name"]))) == beside
    assert SubjectSketch.of(np.array([7])) == alone == SubjectSketch.of(np.array([7], dtype=np.int32))
    assert SubjectSketch.of(np.array(["x" * 100_000, ""], dtype=object)).count == 2


def _sound() -> dict[str, Any]:
    return profile_to(reference_profile({"x": np.arange(9.0), "t": np.array(["a"] * 9)}, subjects=np.arange(9)))


_FAULTS: dict[str, tuple[tuple[str, ...], Any]] = {
    "counts": (("numbers", "x", "missing"), 1),
    "levels": (("categories", "t", "counts", "a"), 8),
    "edges": (("numbers", "x", "edges"), [1e9, *range(8)]),
    "length": (("numbers", "x", "counts"), [9]),
    "negative": (("numbers", "x", "missing"), -1),
    "subjects": (("subjects",), 10),
    "months": (("months",), ["2025-02", "2025-01"]),
    "month": (("months",), ["2025-13"]),
    "further": (("further",), 1),
    "gone": (("numbers", "x"), {}),
    "text": (("rows",), "9"),
    "registers": (("seen", "registers"), "AAAA"),
    "newer": (("format",), 3),
}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("counts", "'x' counts 10 rows of 9"),
        ("levels", "'t' counts 8 rows of 9"),
        ("edges", "'x': the edges do not increase"),
        ("length", "'x': 1 counts for 9 edges"),
        ("negative", "numbers.x.missing: "),
        ("subjects", "10 subjects do not go with 9 rows"),
        ("months", "months are not in order"),
        ("month", "months.0: "),
        ("further", "further: "),
        ("gone", "numbers.x.edges: "),
        ("text", "rows: "),
        ("registers", "the sketch of the subjects"),
        ("newer", "format 3"),
    ],
)
def test_reading_names_what_is_wrong(change: str, match: str) -> None:
    value, (way, put) = _sound(), _FAULTS[change]
    place = value
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = put
    with pytest.raises(DataError, match=f"^p.json: .*{match}"):
        profile_from(value, "p.json")
    assert profile_from(_sound(), "p.json").rows == 9


def test_older_bundles_have_no_counts() -> None:
    old = {"rows": 10, "features": {"age": {"share_missing": 0.0, "deciles": [1.0] * 11}}}
    with pytest.raises(DataError, match=r"^p\.json: no counts: train again\.$"):
        parse_profile(json.dumps(old).encode(), "p.json")


@pytest.mark.parametrize("content", [b"", b"[1]", b"[" * 100_000, b"\xff"])
def test_what_is_no_profile_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^p.json: "):
        parse_profile(content, "p.json")


def test_counts_of_other_kinds_are_not_equal() -> None:
    assert BinCounts(np.array([1.0]), np.array([1, 2]), 0) != BinCounts(np.array([1.0]), np.array([2, 1]), 0)
    assert SubjectSketch.of(np.array(["a"])) != SubjectSketch.of(np.array(["b"]))
