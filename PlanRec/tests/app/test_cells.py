"""Cells in requests: the service ranks full plans as `recommend --cells` does, and says of each row why it cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mixed_operator import FULL, FURTHER, cells_of, mixed_bundle, mixed_card, scheme_digest, write_case
from same_answers import AS_OF, body_of, request_of

from app import responses
from app.cell_answers import CellDoor
from app.cell_requests import MOST_BATCH_CELL_ROWS, MOST_CELL_RECORDS, MOST_CELL_ROWS
from app.examples import WITH_CELLS
from app.fastapi_app import create_app
from app.live import LivePlanRec, open_live
from common_utils.bundle import Bundle
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from planrec.advice.subscriber import SubscriberAdvice
from planrec.decisions import SubscriberRecord

Body = dict[str, Any]
Run = Callable[..., int]
HELD = ("basic-6", "smart-12", "basic-6x", "unlimited", "gigas-x")
FULL_PLANS = ("basic-6x", "gigas-x", "talk-x")
NEEDS = "NEEDS_USAGE_DETAIL"


@pytest.fixture(scope="module")
def card(project_folder: Path) -> str:
    """Two plans that cells price, one whose calls have a least price, and one that sells no data."""
    return mixed_card(project_folder, FULL + FURTHER)


@pytest.fixture(scope="module")
def mixed(bundle: Bundle, card: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return mixed_bundle(bundle, card, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def files(card: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_case(card, tmp_path_factory.mktemp("case"), HELD)


@pytest.fixture(scope="module")
def bodies(files: tuple[Path, Path]) -> dict[str, Body]:
    """Each subscriber as a request with cells; the first has no usage at all, and so no cells."""
    usage, cells = pd.read_csv(files[0]), cells_of(files[1])
    asked = {str(name): body_of(request_of(part), as_of=AS_OF) for name, part in usage.groupby("subscriber_id")}
    return {name: {**body, "cells": cells[name]} for name, body in asked.items() if name in cells}


@pytest.fixture(scope="module")
def opened(mixed: Bundle) -> LivePlanRec:
    return open_live(mixed.path)


@pytest.fixture(scope="module")
def service(opened: LivePlanRec) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: opened)) as client:
        yield client


@pytest.fixture
def body(bodies: dict[str, Body]) -> Body:
    """Of somebody who is free to change and holds a plan that cells price."""
    return deepcopy({**bodies["s09"], "top_k": 50})


def _answer(service: TestClient, body: Body) -> Body:
    answer = service.post("/recommend", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type, call-overload]


@pytest.mark.parametrize("basis", ["forecast", "past"])
def test_service_and_command_give_one_answer(
    mixed: Bundle,
    opened: LivePlanRec,
    files: tuple[Path, Path],
    bodies: dict[str, Body],
    run: Run,
    tmp_path: Path,
    basis: str,
) -> None:
    out, left_out = tmp_path / "out.parquet", tmp_path / "excluded.parquet"
    asked = ("recommend", "--usage", files[0], "--cells", files[1], "--as-of", AS_OF, "--bundle", mixed.path)
    shown = ("--basis", basis, "--top", 50, "--explain", "--output", out, "--excluded-output", left_out)
    assert run(*asked, *shown) == 0
    ranked, excluded = pd.read_parquet(out), pd.read_parquet(left_out)
    live = opened if basis == "forecast" else replace(opened, forecast=None)
    seen: set[str] = set()
    with TestClient(create_app(lambda: live)) as service:
        for name, body in bodies.items():
            answer = _answer(service, {**body, "top_k": 50})
            rows = ranked[ranked["subscriber_id"].astype(str) == name].to_dict("records")
            assert [row["plan_id"] for row in rows] == [plan["plan_id"] for plan in answer["advice"]], name
            for row, plan in zip(rows, answer["advice"], strict=True):
                for column in ("advice", "action", "is_current", "expected_bill_cents"):
                    assert row[column] == plan[column], (name, column)
                for column in ("saving_cents", "p_pay_more"):
                    assert _number(row[column]) == plan[column], (name, column)
                assert row["reasons"] == plan["reason"]
                assert (row["stay_reason"] if isinstance(row["stay_reason"], str) else None) == answer["stay_reason"]
                assert row["basis"] == answer["policy"]["basis"] == basis
                seen.add(plan["plan_id"])
            codes = excluded[excluded["subscriber_id"].astype(str) == name]
            assert dict(zip(codes["plan_id"], codes["reason_code"], strict=True)) == {
                one["plan_id"]: one["reason_code"] for one in answer["excluded"]
            }
    assert {"basic-6x", "gigas-x"} < seen


def test_full_plans_have_lines_that_add_up_and_short_ones_are_as_without_cells(service: TestClient, body: Body) -> None:
    answer = _answer(service, body)
    plain = _answer(service, {name: value for name, value in body.items() if name != "cells"})
    plans = {plan["plan_id"]: plan for plan in answer["advice"]}
    for one in plans.values():
        items = one.get("bill_items")
        assert (items is None) == (one["plan_id"] not in FULL_PLANS)
        lines = one["line_items"].values() if items is None else [item["cents"] for item in items]
        assert sum(lines) == one["expected_bill_cents"]
        assert (one["line_items"] is None) == (items is not None)
    for one in plain["advice"]:
        mine = plans[one["plan_id"]]
        figures = ("expected_bill_cents", "spread_cents", "line_items", "contract_months")
        assert [one[name] for name in figures] == [mine[name] for name in figures]
    assert set(plans) - {one["plan_id"] for one in plain["advice"]} == {"basic-6x", "gigas-x"}


def test_an_answer_says_what_allowances_cover(opened: LivePlanRec, body: Body) -> None:
    with TestClient(create_app(lambda: replace(opened, forecast=None))) as service:
        answer = _answer(service, {**body, "history_months": 1})
    gigas = next(plan for plan in answer["advice"] if plan["plan_id"] == "gigas-x")
    # October of s09: 360 + 50 minutes at 1 cent, 27 messages, 5 of them covered; 8,604.5 MB, 4,096 covered.
    assert gigas["bill_items"] == [
        {"name": "fee", "cents": 1000},
        {"name": "calls", "cents": 410},
        {"name": "messages", "cents": 22 * 9},
        {"name": "data", "cents": 451},
        {"name": "four gigabytes", "cents": 0, "covered": 4096.0, "unit": "megabytes"},
        {"name": "plans.gigas-x.allowances[1]", "cents": 0, "covered": 5.0, "unit": "messages"},
    ]
    assert gigas["expected_bill_cents"] == 1000 + 410 + 198 + 451
    assert "(fee 10.00, calls 4.10, messages 1.98, data 4.51)" in gigas["reason"]


def test_the_bytes_of_an_answer_are_those_of_its_model(service: TestClient, body: Body) -> None:
    answer = service.post("/recommend", json=body)
    assert responses.RecommendResponse.model_validate_json(answer.content).model_dump_json() == answer.text


def test_what_cells_do_not_price_is_told(service: TestClient, body: Body) -> None:
    codes = {one["plan_id"]: one["reason_code"] for one in _answer(service, body)["excluded"]}
    assert {plan: codes.get(plan) for plan in ("least-x", "talk-x")} == {"least-x": NEEDS, "talk-x": "NOT_SOLD"}
    (note,) = _answer(service, body)["notes"]
    assert note.startswith("plan least-x is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it. plans.least-x")
    del body["cells"]["rows"][-1]  # the data of the last month
    lacking = _answer(service, body)
    codes = {one["plan_id"]: one["reason_code"] for one in lacking["excluded"]}
    assert {plan: codes.get(plan) for plan in FULL_PLANS} == dict.fromkeys(FULL_PLANS, NEEDS)
    assert any(note.startswith("cells: a usage month lacks them, or they contradict") for note in lacking["notes"])


def test_the_first_plans_that_need_events_are_named_and_the_others_counted(project_folder: Path) -> None:
    least = "".join(FURTHER.split("  - plan_id: ")[2].replace("least-x", f"  - plan_id: least-{i}") for i in range(7))
    door = CellDoor.of(mixed_card(project_folder, FULL + least).encode(), "card")
    assert door is not None
    *named, last = door.notes(SubscriberRecord([]), SubscriberAdvice((), {}, 0, True, None, None))
    assert [note.split()[1] for note in named] == [f"least-{i}" for i in range(5)]
    assert last == "2 more plan(s) are left out (NEEDS_USAGE_DETAIL)"
    assert CellDoor.of(mixed_card(project_folder, f"plans:\n{least}").encode(), "card") is None


@pytest.mark.parametrize(
    ("plan", "code"), [("gigas-x", NEEDS), ("talk-x", "NOT_SOLD"), ("least-x", NEEDS), ("basic-6", None)]
)
def test_a_plan_held_without_a_bill_is_taken_as_unknown_and_the_answer_says_so(
    service: TestClient, body: Body, plan: str, code: str | None
) -> None:
    if plan == "gigas-x":
        del body["cells"]["rows"][-1]
    answer = _answer(service, {**body, "current_plan": plan})
    told = f"current_plan: {code}, taken as unknown"
    assert (told in answer["notes"]) == (code is not None)
    assert all((one["saving_cents"] is None) == (code is not None) for one in answer["advice"])


def test_a_batch_answers_each_record_as_alone(service: TestClient, bodies: dict[str, Body]) -> None:
    records = list(bodies.values())[:4]
    records[1] = {name: value for name, value in records[1].items() if name != "cells"}
    batch = service.post("/recommend/batch", json={"records": records})
    assert batch.status_code == 200, batch.text
    assert batch.json()["recommendations"] == [_answer(service, record) for record in records]


def test_cells_of_other_months_are_passed_over(service: TestClient, body: Body) -> None:
    short = {**body, "history_months": 2}
    kept = [row for row in body["cells"]["rows"] if row["month"] in ("2025-09", "2025-10")]
    assert len(kept) < len(body["cells"]["rows"])
    assert _answer(service, short) == _answer(service, {**short, "cells": {**body["cells"], "rows": kept}})
    earlier = {**body, "as_of": "2025-09"}
    assert _answer(service, earlier)["months_used"] == 5
    assert "Gigas" in str(_answer(service, earlier)["advice"])


def test_the_catalogue_says_what_cells_are_counted_by(service: TestClient, learnt: TestClient, card: str) -> None:
    told = service.get("/plans").json()
    assert told["cells"] == {
        "scheme": scheme_digest(card),
        "counts": "zone Europe/Madrid; calls by 1/1, 60/1, 60/60; seconds beyond 300; data exact",
        "seconds_beyond": [300],
        "plans": list(FULL_PLANS),
    }
    assert [plan["plan_id"] for plan in told["needs_usage_detail"]] == ["basic-6x", "gigas-x", "least-x", "talk-x"]
    assert "cells" not in learnt.get("/plans").json()


def test_the_documented_request_is_answered(service: TestClient, project_folder: Path) -> None:
    page = (project_folder / "docs" / "rate_cards.md").read_text(encoding="utf-8")
    (shown,) = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL) if "cells" in text]
    assert shown == WITH_CELLS
    answer = _answer(service, {**shown, "top_k": 50})
    assert {"basic-6x", "gigas-x"} < {plan["plan_id"] for plan in answer["advice"]}
    assert answer["months_used"] == 1
    assert f"{MOST_CELL_ROWS:,} rows" in page
    assert f"{MOST_BATCH_CELL_ROWS:,} rows and {MOST_CELL_RECORDS} records with cells" in page


Change = Callable[[Body], object]


def _row(**changes: object) -> Change:
    return lambda body: body["cells"]["rows"][2].update(changes)


def _twice(body: Body) -> None:
    body["cells"]["rows"].insert(5, dict(body["cells"]["rows"][4]))


# Rows 0 to 2 are the calls of May by 1/1, 60/1 and 60/60, row 3 its messages, row 4 its data.
REFUSED = [
    pytest.param(_row(at="canary"), "cells.rows[2]: `at` is no place of the rate card (home).", id="place"),
    pytest.param(_row(band="canary"), "cells.rows[2]: column 'band': 1 value(s) are none of empty.", id="band"),
    pytest.param(_row(valid_from="2099-01-01"), "cells.rows[2]: column 'valid_from'", id="date"),
    pytest.param(lambda b: b["cells"]["rows"][4].update(increment="1/1"), "cells.rows[4]: column 'incre", id="step"),
    pytest.param(_row(month="2025-04"), "cells.rows[2]: `month` is none of the usage months", id="month"),
    pytest.param(_row(seconds=10**17), "cells.rows[2]: 1 row(s) hold more megabytes, seconds", id="seconds-huge"),
    pytest.param(_row(events=10**17), "cells.rows[2]: 1 row(s) hold more megabytes, seconds", id="events-huge"),
    pytest.param(_row(seconds=None), "cells.rows[2]: 1 row(s) lack what their kind counts", id="no-seconds"),
    pytest.param(_row(seconds=0), "cells.rows[2]: 0 cell(s) lack an increment and 1 row(s) contradict", id="nothing"),
    pytest.param(_row(events=7), "cells.rows[0]: 0 cell(s) lack an increment and 2 row(s) contradict", id="counts"),
    pytest.param(
        _row(seconds_beyond=[]), "cells.rows[2]: `seconds_beyond` has, for calls alone, columns of", id="slot"
    ),
    pytest.param(_row(seconds_beyond=[1, 2]), "columns of the card: seconds_beyond_300.", id="slots"),
    pytest.param(_row(kind="sms"), "cells.rows[2]: `seconds_beyond` has, for calls alone", id="kind"),
    pytest.param(_twice, "cells.rows[5]: a cell of a subscriber and period stands twice", id="twice"),
    pytest.param(lambda b: b["cells"]["rows"].pop(6), "cells.rows[5]: 1 cell(s) lack an increment", id="row-lost"),
    pytest.param(lambda b: b["cells"].update(scheme="ab" * 32), "cells.scheme: needed is ", id="scheme"),
]


def test_a_class_that_the_card_does_not_name_costs_what_any_number_costs(service: TestClient, body: Body) -> None:
    said = []
    for name in ("", "elsewhere"):
        body["cells"]["rows"][:3] = [{**row, "to": name} for row in body["cells"]["rows"][:3]]  # a call by all steps
        said.append(_answer(service, body)["advice"])
    assert said[0] == said[1]


@pytest.mark.parametrize("batch", [False, True], ids=["alone", "batch"])
@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_cells_that_cannot_be_used_are_refused_with_their_place(
    service: TestClient, body: Body, card: str, change: Change, message: str, *, batch: bool
) -> None:
    sound = deepcopy(body)
    change(body)
    sent = {"records": [sound, body]} if batch else body
    answer = service.post("/recommend/batch" if batch else "/recommend", json=sent)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:problem:data"
    assert problem["detail"].startswith("record 1, counted from 0: cells." if batch else "cells.")
    assert message in problem["detail"]
    assert (f"needed is {scheme_digest(card)} (rate card" in problem["detail"]) == message.startswith("cells.scheme")
    for value in ("canary", "2099", "1000000000", "abab", "2025-04"):
        assert value not in problem["detail"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        pytest.param(_row(events=0), "events", id="no-events"),
        pytest.param(_row(events=-1), "events", id="negative"),
        pytest.param(_row(seconds=-5), "seconds", id="seconds-negative"),
        pytest.param(_row(seconds=10**18), "seconds", id="beyond-64-bits"),
        pytest.param(_row(seconds=1.5), "seconds", id="part-of-a-second"),
        pytest.param(_row(seconds="60"), "seconds", id="number-as-text"),
        pytest.param(_row(kind="fax"), "kind", id="unknown-kind"),
        pytest.param(_row(month="2025-13"), "month", id="month-13"),
        pytest.param(_row(to="x" * 65), "to", id="long-class"),
        pytest.param(_row(subscriber_id="s09"), "unknown field", id="unknown-field"),
        pytest.param(_row(seconds_beyond=[0] * 21), "seconds_beyond", id="many-slots"),
    ],
)
def test_a_row_outside_its_bounds_is_named(service: TestClient, body: Body, change: Change, place: str) -> None:
    change(body)
    problem = service.post("/recommend", json=body)
    assert problem.status_code == 422
    located = problem.json()["errors"][0]["location"]
    assert located[:4] == ["body", "cells", "rows", 2]
    assert place == "unknown field" or located[4] == place


def _sms(row: Body) -> Body:
    return {"month": row["month"], "kind": "sms", "increment": "exact", "events": 1}


def test_rows_that_hold_too_much_together_are_refused(service: TestClient, body: Body) -> None:
    calls = [row for row in body["cells"]["rows"] if row["kind"] == "call" and row["month"] == "2025-05"]
    much = {"events": 1000, "seconds": 3_000_000, "seconds_beyond": [0]}
    rows = [{**row, **much, "to": name} for row in calls for name in ("", "fixed")]
    answer = service.post("/recommend", json={**body, "cells": {**body["cells"], "rows": rows}})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("cells: a subscriber has more seconds in one period than can be rated")


def test_parts_that_do_not_go_together_are_refused(service: TestClient, body: Body) -> None:
    for change, message in (
        ({"usage": []}, "cells are those of usage months"),
        ({"mode": "offer", "consent": True}, "the models of offers take no cells"),
        ({"cells": {**body["cells"], "rows": []}}, "at least 1 item"),
        ({"cells": {"rows": body["cells"]["rows"]}}, "Field required"),
        ({"cells": {**body["cells"], "scheme": "AB" * 32}}, "a sha256 as 64 digits"),
    ):
        answer = service.post("/recommend", json={**body, **change})
        assert (answer.status_code, message in answer.text) == (422, True), answer.text
    row = body["cells"]["rows"][0]
    many = {**body["cells"], "rows": [row] * (MOST_CELL_ROWS + 1)}
    assert service.post("/recommend", json={**body, "cells": many}).status_code in (413, 422)
    for rows, records in ((1, MOST_CELL_RECORDS + 1), (MOST_BATCH_CELL_ROWS // 3 + 1, 3)):
        one = {"usage": body["usage"], "cells": {**body["cells"], "rows": [_sms(row)] * rows}}
        full = service.post("/recommend/batch", json={"records": [one] * records})
        told = f"{MOST_CELL_RECORDS} records with cells, and {MOST_BATCH_CELL_ROWS} rows of cells"
        assert (full.status_code, told in full.text) == (422, True), full.text


def test_a_card_without_full_plans_takes_no_cells(learnt: TestClient, body: Body) -> None:
    asked = {**body, "current_plan": "basic-6"}
    answer = learnt.post("/recommend", json=asked)
    assert answer.status_code == 422
    assert "no plan of rate card operator-2025-01 is priced from them; leave them out" in answer.json()["detail"]
    batch = learnt.post("/recommend/batch", json={"records": [asked]})
    assert batch.json()["detail"].startswith("record 0, counted from 0: cells: no plan")


def test_cells_leave_no_more_in_the_log_than_other_usage(opened: LivePlanRec, body: Body, tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    recorder = Recorder("planrec", KeyRing((Key("k1", b"1" * 32),)), journal)
    plain = {name: value for name, value in body.items() if name != "cells"}
    with TestClient(create_app(lambda: opened, lambda: recorder)) as service:
        answers = [service.post("/recommend", json=one).json() for one in (body, plain)]
        batch = service.post("/recommend/batch", json={"records": [body]}).json()["recommendations"]
    found = [entry for segment in segments(tmp_path) for part in segment.read() for entry in part.entries]
    decisions = [entry for entry in found if isinstance(entry, Decision)]
    assert [one.event for one in decisions] == [one["event_id"] for one in (*answers, *batch)]
    assert decisions[0].asked != decisions[1].asked  # a keyed digest of all that was asked
    assert "gigas-x" in {plan["plan_id"] for plan in decisions[0].answer["plans"]}
    assert decisions[0].answer == decisions[2].answer
    assert [set(one.answer) for one in decisions] == [set(decisions[1].answer)] * 3


def test_a_card_in_the_short_form_loads_neither_full_cards_nor_arrow(bundle: Bundle) -> None:
    code = (
        "import sys; from pathlib import Path; from app.live import open_live, probe; import app.fastapi_app; "
        f"probe(open_live(Path({str(bundle.path)!r}))); "
        "heavy = 'app.cell_answers', 'planrec.billing.rating', 'planrec.billing.cell', 'planrec.advice.from_cells'; "
        "print([name for name in sys.modules if name.startswith((*heavy, 'pyarrow', 'pandas'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
