"""The same work on all cores: in order, with the bits of one core, and with its errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from common_utils.errors import DataError
from common_utils.evaluation.binary import out_of_fold
from common_utils.parts import each
from common_utils.parts.cores import Workers
from common_utils.parts.each import on_all_cores


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Allow so many cores."""

    def allow(count: int) -> None:
        monkeypatch.setattr(each, "chosen_workers", lambda _, items: Workers(min(count, items), "as the test says"))

    return allow


def test_answers_come_in_order_from_other_processes(cores: Callable[[int], None]) -> None:
    cores(2)
    found = list(on_all_cores(lambda item: (item, os.getpid()), [5, 3, 4]))
    assert [item for item, _ in found] == [5, 3, 4]
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.parametrize(("count", "items"), [(1, [5, 3]), (2, [5])])
def test_one_core_or_one_item_needs_no_process(cores: Callable[[int], None], count: int, items: list[int]) -> None:
    cores(count)
    assert list(on_all_cores(lambda item: (item, os.getpid()), items)) == [(item, os.getpid()) for item in items]


def test_a_process_does_not_share_its_part_out_again(cores: Callable[[int], None]) -> None:
    cores(2)

    def inner(_: int) -> set[int]:
        return {os.getpid(), *on_all_cores(lambda _: os.getpid(), [1, 2, 3])}

    assert [len(found) for found in on_all_cores(inner, [1, 2])] == [1, 1]


def test_an_error_of_the_work_is_raised_as_it_is(cores: Callable[[int], None]) -> None:
    cores(2)

    def work(item: int) -> int:
        if item == 2:
            raise DataError("2 cannot be used.")
        return item

    answers = on_all_cores(work, [1, 2, 3])
    assert next(answers) == 1
    with pytest.raises(DataError, match=r"^2 cannot be used\.$"):
        next(answers)


def test_a_process_that_is_killed_is_told(cores: Callable[[int], None]) -> None:
    cores(2)
    with pytest.raises(DataError, match=r"it was killed, or memory ran out\. Nothing was written; run again"):
        list(on_all_cores(lambda _: os.kill(os.getpid(), signal.SIGKILL), [1, 2]))


def test_folds_have_the_same_bits_on_one_core_and_on_two(cores: Callable[[int], None]) -> None:
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = (rows["a"] + rng.normal(size=60) > 0).to_numpy(dtype=np.int64)
    places = np.arange(60)
    rounds = [[(places[places % 3 != k], places[places % 3 == k]) for k in range(3)]]
    found, said = [], []
    for count in (1, 2):
        cores(count)
        told: list[str] = []
        found.append(
            out_of_fold(
                LogisticRegression,
                rows,
                y,
                rounds,
                lambda model, part: {"p": model.predict_proba(part)[:, 1]},
                step=told.append,
                label="logit",
            )["p"]
        )
        said.append(told)
    assert found[0].tobytes() == found[1].tobytes()
    assert said[0] == said[1] == [f"logit: round 1 of 1, fold {k} of 3" for k in (1, 2, 3)]


_AFTER_THREADS = """
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier as Trees
from common_utils.parts import each
from common_utils.parts.cores import Workers
each.chosen_workers = lambda *_: Workers(2, "as the test says")
rows = np.random.default_rng(0).normal(size=(2000, 4))
y = rows[:, 0] > 0
fitted = lambda seed: Trees(max_iter=3, random_state=seed).fit(rows, y).predict_proba(rows)[:, 1]
here = fitted(1)
print(all(np.array_equal(here, found) for found in each.on_all_cores(fitted, [1, 1])))
"""


def test_a_process_whose_threads_were_started_before_is_not_waited_for() -> None:
    """A copy of a process has none of the threads that OpenMP started in it: without a limit it waits for ever."""
    run = subprocess.run(
        [sys.executable, "-c", _AFTER_THREADS],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert run.stdout == "True\n"
