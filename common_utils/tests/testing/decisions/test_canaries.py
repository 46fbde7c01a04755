"""Canaries: found where they are, and nowhere after a service of one table was asked with them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from common_utils.decision_log.recorder import Recorder
from common_utils.testing.decisions.canaries import Canaries, CanaryRequest, canary_story, found_canaries
from common_utils.testing.decisions.demo import DemoQuestion, demo_app

COUNT = 400


def echoing(open_log: Callable[[], Recorder | None]) -> FastAPI:
    """A service whose answer, entry and log hold the question."""

    def answer(body: DemoQuestion) -> bytes:
        logging.getLogger("common_utils.demo").info("asked by %s", body.subject)
        return b'{"minutes":%r}' % body.minutes

    return demo_app(open_log, answer=answer)


def requests(canaries: Canaries) -> Iterator[CanaryRequest]:
    for number in range(COUNT):
        body = {"minutes": canaries.number(number), "subject": canaries.text()}
        yield CanaryRequest("/predict", body, key=canaries.text())
        if number % 40 == 0:
            yield CanaryRequest("/predict", {**body, canaries.text(): 1}, status=422)
            yield CanaryRequest("/predict", {"minutes": canaries.text(), "subject": canaries.text()}, status=422)
            told = {"kind": "left", "value": True, "date": "2026-01-05", "subject": body["subject"]}
            yield CanaryRequest("/outcomes", {"outcomes": [told]})


def test_no_canary_gets_through_a_service_and_its_log(tmp_path: Path) -> None:
    canaries = Canaries(15)
    told = canary_story(demo_app, "demo", requests(canaries), tmp_path)
    assert canaries.made > 3 * COUNT
    assert told.entries == COUNT
    assert set(told.found.values()) == {0}, told.found


def test_a_service_that_logs_what_it_was_asked_is_found_out(tmp_path: Path) -> None:
    told = canary_story(echoing, "demo", requests(Canaries(15)), tmp_path)
    assert min(told.found[name] for name in ("answers", "journal", "database", "views", "logs")) >= COUNT
    assert told.found["exports"] >= 3 * COUNT  # in each of the three kinds of file


def test_another_status_than_was_said_is_an_error(tmp_path: Path) -> None:
    asked = [CanaryRequest("/predict", {"minutes": -1.0})]
    with pytest.raises(AssertionError, match="422 and not 200"):
        canary_story(demo_app, "demo", asked, tmp_path)


def test_a_database_elsewhere_is_searched_by_what_it_dumps(tmp_path: Path) -> None:
    one = Canaries(1).text().encode()
    assert canary_story(demo_app, "demo", [], tmp_path, dump=lambda: one).found["database"] == 1


def test_each_canary_is_another_one_and_found_by_its_stem() -> None:
    canaries = Canaries(3)
    made = [canaries.text() for _ in range(50)] + [repr(canaries.number(n)) for n in range(0, 10_000, 200)]
    assert len(set(made)) == canaries.made == 100
    assert [found_canaries(one.encode()) for one in made] == [1] * 100


def test_the_log_s_opener_is_the_app_s(tmp_path: Path) -> None:
    """A service that opens no log has no entries."""

    def without(open_log: Callable[[], Recorder | None]) -> FastAPI:
        del open_log
        return demo_app(lambda: None)

    assert canary_story(without, "demo", [CanaryRequest("/predict", {"minutes": 1.0})], tmp_path).entries == 0
