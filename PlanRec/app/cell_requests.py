"""Usage months as cells in a request: the fields of a row and their bounds. Needs no schema of full cards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field
from pydantic.config import JsonDict

from common_utils.serving.explain import FORM
from common_utils.serving.guards.shape import IN_BODY
from planrec.months import USAGE_MONTH_PATTERN

__all__ = ["MOST_BATCH_CELL_ROWS", "MOST_CELL_RECORDS", "MOST_CELL_ROWS", "CellRowRequest", "CellsRequest"]

MOST_CELL_ROWS = 4000  # of one subscriber; a body of a megabyte holds about as many
MOST_BATCH_CELL_ROWS = 2 * MOST_CELL_ROWS
MOST_CELL_RECORDS = 20  # of a batch: each takes some 20 ms, where a record without cells takes less than one
_MOST_SLOTS = 20
_MOST = 10**18 - 1  # as in files: a number that fits 64 bits; what can be rated is less

_DIGEST_FORM: JsonDict = {FORM: "a sha256 as 64 digits 0-9 and a-f; GET /plans tells that of the rate card"}
_MONTH_FORM: JsonDict = {FORM: "a month as YYYY-MM, such as 2025-10, of the years 1900 to 2099"}
_Digest = Annotated[str, Field(max_length=64, pattern="^[0-9a-f]{64}$", json_schema_extra=_DIGEST_FORM)]
_Month = Annotated[str, Field(max_length=7, pattern=USAGE_MONTH_PATTERN, json_schema_extra=_MONTH_FORM)]
_Word = Annotated[str, Field(max_length=64)]
_Words = Annotated[str, Field(max_length=2000)]  # bands that hold together
_Amount = Annotated[int, Field(ge=0, le=_MOST)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CellRowRequest(_Part):
    """One cell of one month, as a row of the file that `planrec bill --cells-output` writes; empty columns left out."""

    month: _Month = Field(description="one of the usage months, YYYY-MM")
    kind: Literal["call", "call_in", "sms", "data"]
    to: _Word = Field(default="", description="class of the number called, as the rate card names it; empty if none")
    at: _Word = Field(default="home", description="place, as the rate card names it")
    band: _Words = Field(default="", description="bands of the rate card that hold, joined by +; empty if none does")
    valid_from: Annotated[str, Field(max_length=10)] = Field(
        default="", description="day from which the prices of the cell hold, YYYY-MM-DD; empty before the first change"
    )
    increment: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="how the uses are counted, such as 60/1 for calls or exact; a cell has a row for each increment"
    )
    events: Annotated[int, Field(ge=1, le=_MOST)] = Field(description="uses in the cell, the same for each increment")
    seconds: _Amount | None = Field(default=None, description="of calls: billed seconds")
    data_parts: _Amount | None = Field(default=None, description="of data: parts of a megabyte, in the scheme's unit")
    blocks: _Amount | None = Field(default=None, description="of data counted in blocks: how many")
    seconds_beyond: list[_Amount] = Field(
        default=[],
        max_length=_MOST_SLOTS,
        description="of calls: the columns `seconds_beyond_...` of a file, in their order; none if the rate card has "
        "no price that begins within a call",
    )


class CellsRequest(_Part):
    """The subscriber's usage months as cells; they price plans that minutes, messages and megabytes do not."""

    scheme: _Digest = Field(description="digest of the scheme by which the cells were counted: that of the rate card")
    rows: Annotated[list[CellRowRequest], FailFast()] = Field(
        min_length=1,
        max_length=MOST_CELL_ROWS,
        description="all rows of the usage months, in any order; if one is wrong, it alone is told",
        json_schema_extra={IN_BODY: MOST_BATCH_CELL_ROWS},
    )
