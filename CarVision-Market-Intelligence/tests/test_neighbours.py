from __future__ import annotations

import numpy as np

from carvision.neighbours import Listings, Scales, nearest, unique_listings

SCALES = Scales(year=1, odometer=15_000, condition=1)


def _listings(*rows: tuple[float, float, float, float, float, float]) -> Listings:
    return Listings(*np.array(rows, dtype=np.float64).T)


BASE = _listings(
    (0, 1, 2, 2010, 100_000, 9_000),
    (0, 1, 2, 2012, 100_000, 11_000),
    (0, 1, 3, 2010, 100_000, 9_900),
    (5, 1, 2, 2010, 100_000, 4_000),
    (6, 2, 2, 2010, 100_000, 7_000),
)


def test_the_nearest_of_the_same_model_come_first() -> None:
    (found,) = nearest(BASE, _listings((0, 1, 2, 2010, 115_000, 0)), count=3, scales=SCALES)
    # 15,000 miles are one step for all three; then nothing, one step of condition, two years.
    assert found.tolist() == [0, 2, 1]


def test_other_models_are_not_comparable_while_there_are_own() -> None:
    (found,) = nearest(BASE, _listings((5, 1, 2, 2018, 0, 0)), count=5, scales=SCALES)
    assert found.tolist() == [3]


def test_an_unseen_model_is_compared_within_its_body_type() -> None:
    (found,) = nearest(BASE, _listings((np.nan, 2, 2, 2010, 0, 0)), count=5, scales=SCALES)
    assert found.tolist() == [4]


def test_nothing_comparable_is_an_empty_answer() -> None:
    (found,) = nearest(BASE, _listings((np.nan, 9, 2, 2010, 0, 0)), count=5, scales=SCALES)
    assert found.tolist() == []


def test_what_the_query_does_not_know_counts_nothing() -> None:
    (found,) = nearest(BASE, _listings((0, 1, 3, np.nan, np.nan, 0)), count=1, scales=SCALES)
    assert found.tolist() == [2]


def test_answers_do_not_depend_on_the_batch() -> None:
    one, other = _listings((0, 1, 2, 2011, 5e4, 0)), _listings((0, 1, 2, 2011, 5e4, 0), (6, 2, 2, 2000, 1, 0))
    assert (
        nearest(BASE, one, count=2, scales=SCALES)[0].tolist()
        == nearest(BASE, other, count=2, scales=SCALES)[0].tolist()
    )


def test_incomplete_ads_and_reposts_are_no_evidence() -> None:
    ads = _listings(
        (0, 1, 2, 2010, 5, 9_000), (0, 1, 2, 2010, 5, 8_000), (0, 1, 2, np.nan, 5, 7_000), (0, 1, 2, 2011, 5, 1)
    )
    assert unique_listings(ads).price.tolist() == [9_000, 1]
