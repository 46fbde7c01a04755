"""`POST /outcomes`: what came of decisions, told in small amounts; they go into the journal as decisions do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Protocol, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from common_utils.identifiers import ONE_NAME, names_one
from common_utils.serving.decisions.events import SUBJECT, DecisionSink, LogPlace, Subject
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.problems import ProblemError

__all__ = ["OutcomeSink", "outcome_routes"]

_MOST = 1000
_Cents = Annotated[float, Field(ge=-1e12, le=1e12)]
_Text = Annotated[str, Field(min_length=1, max_length=64)]


class OutcomeSink(DecisionSink, Protocol):
    """A log that takes outcomes as well."""

    def outcome(self, said: Mapping[str, Any]) -> bytes:
        """Return the line of an outcome."""
        ...


class OutcomeRequest(BaseModel):
    """One outcome; by event, or by subject and date."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: str = Field(
        min_length=1, max_length=32, description="accepted, plan_taken, bill_paid, left, complaint, saving or worse_off"
    )
    value: bool | _Cents | _Text = Field(union_mode="left_to_right", description="true or false; cents; id of a plan")
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", max_length=10, description="of the outcome, YYYY-MM-DD")
    event_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="as the decision's answer gave it"
    )
    subject: Subject | None = SUBJECT
    month: str | None = Field(
        default=None,
        pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
        max_length=7,
        description="of a bill, YYYY-MM; else that of `date`",
    )

    @model_validator(mode="after")
    def _names_one_decision(self) -> Self:
        if not names_one(self.event_id, self.subject):
            raise PydanticCustomError("event_or_subject", ONE_NAME)
        try:
            date.fromisoformat(self.date)
        except ValueError:
            raise PydanticCustomError("no_such_day", "date is not a day of the calendar") from None
        return self

    def said(self) -> dict[str, Any]:
        """Return it as the log takes it."""
        day = datetime.fromisoformat(self.date).replace(tzinfo=UTC)
        period = self.month or (self.date[:7] if self.kind == "bill_paid" else "")
        who = {"subject": self.subject} if self.event_id is None else {"event": self.event_id}
        return {
            "kind": self.kind,
            "value": self.value,
            "at_ms": int(day.timestamp() * 1000),
            "period": period,
            **who,
        }


class OutcomesRequest(BaseModel):
    """Some outcomes; more go through the command `outcomes`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "outcomes": [
                        {"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "5f0c" * 8},
                        {"kind": "bill_paid", "value": 1299, "date": "2025-12-03", "subject": "S-4711"},
                    ]
                }
            ]
        },
    )

    outcomes: list[OutcomeRequest] = Field(min_length=1, max_length=_MOST)


class OutcomesAnswer(BaseModel):
    """How many were taken; whether each has a decision shows when they are joined."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"taken": 2, "status": "waiting"}]})

    taken: int
    status: Literal["waiting"] = "waiting"


def outcome_routes(log: LogPlace[Any], check: Callable[[str, object], str | None]) -> APIRouter:
    """Return the route that takes outcomes.

    Parameters
    ----------
    log : LogPlace
        Whose log is an `OutcomeSink`.
    check : callable
        From kind and value to what is wrong with them, None where nothing is.
    """
    router = APIRouter(tags=["outcomes"], route_class=FastRoute)

    @router.post("/outcomes", summary="What came of decisions", response_model=OutcomesAnswer)
    def outcomes(body: OutcomesRequest) -> OutcomesAnswer:
        """Take outcomes into the log; each is joined to its decision when the log is shipped, and once only."""
        sink: OutcomeSink | None = log.sink
        if sink is None:
            raise ProblemError(404, "no_decision_log", "This service logs no decisions, so it takes no outcomes.")
        for place, one in enumerate(body.outcomes):
            wrong = check(one.kind, one.value)
            if wrong is not None:
                raise ProblemError(422, "outcome", f"outcomes[{place}]: {re.sub(r'[^ -~]', '', wrong)}.")
        # None of them is an answer that goes out unlogged, so they count for none in the journal.
        kept = sink.keep_now(b"".join(sink.outcome(one.said()) for one in body.outcomes), 0)
        log.outcomes["taken" if kept else "refused"] += len(body.outcomes)
        if not kept:
            raise ProblemError(503, "journal", "The outcomes could not be kept; send them again later.")
        return OutcomesAnswer(taken=len(body.outcomes))

    return router
