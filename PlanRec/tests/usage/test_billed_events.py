"""What a pricing user is told of a file of events that cannot be billed as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.errors import DataError
from planrec.billing.cards import BillRequest, FullCard, parse_card, parse_request
from planrec.billing.events import Events
from planrec.usage.billed_events import read_billed_events

PLAN = {
    "plan_id": "a",
    "rates": [{"kind": ["call", "data"], "at": ["home", "eu"], "item": "use", "per_minute": "6", "per_mb": "1"}],
    "passes": [{"at": ["us"], "fee": "100", "lasts": "day", "treat_as": "eu", "item": "pass"}],
    "not_sold": [{"kind": "data", "at": ["ship"]}],
}
TREE = {"version": "v-1", "currency": "EUR", "timezone": "UTC", "places": {"eu": ["fr", "it"]}, "plans": [PLAN]}
HEADER = "event,subscriber,kind,start,seconds,mb,to,at"
CALL = "e1,A,call,2025-03-01T08:00:00,60,,,home"


@pytest.fixture(scope="module")
def card() -> FullCard:
    return parse_card(TREE, "card")


@pytest.fixture(scope="module")
def request_of_march() -> BillRequest:
    return parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "a"}}}, "accounts")


@pytest.fixture
def read(card: FullCard, request_of_march: BillRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    def reads(*lines: str) -> Events:
        path = tmp_path / "events.csv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return read_billed_events(card, request_of_march, path)

    return reads


@pytest.mark.parametrize(
    ("sign", "said"), [(";", r"semicolons \(';'\)"), ("\t", r"tabs \('\\t'\)"), ("|", r"bars \('\|'\)")]
)
def test_another_sign_between_the_columns_is_named(read, sign: str, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=rf"events\.csv: the columns are separated by {said}\. .*; export them so\."):
        read(HEADER.replace(",", sign), CALL.replace(",", sign))
    with pytest.raises(DataError, match="the columns are separated by"):
        read("\ufeff" + ",".join(f'"{name}"' for name in HEADER.split(",")).replace(",", sign) + "\r")


def test_a_column_that_is_missing_is_not_taken_for_a_sign(read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=r"column\(s\) \['seconds', 'mb'\]; the columns are event"):
        read(HEADER.replace(",mb", ";mb"), CALL)


@pytest.mark.parametrize(
    "amounts",
    [
        pytest.param(["7.500", "12.5"], id="one-shows-decimals"),
        pytest.param(["0.125"], id="a-leading-zero"),
        pytest.param(["1234.125", "7.500"], id="four-digits-before"),
        pytest.param(["7.50", "12"], id="two-digits"),
        pytest.param(["7500"], id="no-point"),
    ],
)
def test_ordinary_decimals_of_megabytes_are_read(read, amounts: list[str]) -> None:  # type: ignore[no-untyped-def]
    rows = [f"e{i},A,data,2025-03-01T08:00:00,,{mb},,home" for i, mb in enumerate(amounts)]
    assert [q / 1e6 for q in read(HEADER, *rows).quantity.tolist()] == [float(mb) for mb in amounts]


@pytest.mark.parametrize(
    ("kind", "seconds", "mb", "said"),
    [
        ("data", "", "7.500", "column 'mb': every number with a point has three digits after it, as in 7.500"),
        ("data", "", "7,500", "line 2 has 9 values"),
        ("data", "", '"7,500"', "line 2, column 'mb': write megabytes as a decimal"),
        ("data", "", "1.234.500", "line 2, column 'mb': write megabytes as a decimal"),
        ("call", "7.500", "", "line 2, column 'seconds': write whole seconds"),
        ("call", '"7,500"', "", "line 2, column 'seconds': write whole seconds"),
    ],
)
def test_an_amount_that_may_be_in_thousands_is_refused(read, kind: str, seconds: str, mb: str, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=said):
        read(HEADER, f"e1,A,{kind},2025-03-01T08:00:00,{seconds},{mb},,home")


def test_an_event_at_a_place_that_the_card_does_not_know_is_named_with_its_line(read) -> None:  # type: ignore[no-untyped-def]
    strange = [CALL.replace("e1", event).replace("home", place) for event, place in (("e2", "mars"), ("e3", "moon"))]
    with pytest.raises(DataError, match=r"line 3, event 'e2' \(and 1 more such events\): no row of card v-1 names the"):
        read(HEADER, CALL, *strange)
    with pytest.raises(
        DataError, match=r"line 2, event 'e3': .* place 'moon'\. Write one of eu, fr, home, it, ship, us"
    ):
        read(HEADER, strange[1], CALL)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("e1,A,call,2025-02-28T08:00:00,60,,,mars", id="not-billed"),
        pytest.param("e1,A,call,2025-03-01T08:00:00,0,,,mars", id="nothing-used"),
        pytest.param("e1,A,call_in,2025-03-01T08:00:00,60,,,mars", id="received"),
        pytest.param("e1,A,call,2025-03-01T08:00:00,60,,,it", id="in-a-set"),
        pytest.param("e1,A,call,2025-03-01T08:00:00,60,,,us", id="of-a-pass"),
        pytest.param("e1,A,data,2025-03-01T08:00:00,,1,,ship", id="not-sold"),
        pytest.param("e1,A,call,2025-03-01T08:00:00,60,,,", id="not-told"),
    ],
)
def test_places_of_the_card_and_use_without_a_price_stop_no_file(read, row: str) -> None:  # type: ignore[no-untyped-def]
    assert len(read(HEADER, row)) == 1
