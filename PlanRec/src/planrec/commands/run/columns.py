"""The data dictionary of PlanRec: which files there are, and the schema of each."""

from __future__ import annotations

import pyarrow as pa

from common_utils.command_line.data_dictionary import ColumnEntry, ColumnTexts, described, show_dictionary
from common_utils.decision_log.exports import export_schema
from common_utils.decision_log.outcome_files import OUTCOME_SCHEMA
from planrec.batch.answers import BILL_SCHEMA, EXCLUDED_SCHEMA, ranked_schema
from planrec.batch.predictions import prediction_schema
from planrec.batch.rankers import OFFER_COLUMNS
from planrec.columns import (
    ACCEPTED,
    AGE,
    CONTACTS_90D,
    CURRENT_PLAN,
    HOLDOUT,
    MONTH,
    OFFERED_PLAN,
    PROPENSITY,
    SUBSCRIBER,
)
from planrec.usage.cell_files import cell_schema
from planrec.usage.event_files import event_schemas
from planrec.usage.events import CHURN_DATE, REG_DATE
from planrec.usage.read import usage_schema

__all__ = ["TITLE", "dictionary", "run_columns"]

TITLE = "Data dictionary"
_TEXT, _WHOLE, _NUMBER, _YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_DAY, _OBJECT = pa.timestamp("us"), pa.struct([])

# Files that no schema object describes; tests hold them against what the commands write.
_WRITTEN: dict[str, dict[str, object]] = {
    "what-if (written)": {
        SUBSCRIBER: _TEXT,
        "plan_id": _TEXT,
        "expected_bill_cents": _WHOLE,
        "expected_bill_then_cents": _WHOLE,
        "travel_bill_cents": _WHOLE,
        "year_bill_cents": _WHOLE,
        "year_bill_then_cents": _WHOLE,
        "best_now": _YES,
        "best_then": _YES,
        "advice_changes": _YES,
        "reason_code": _TEXT,
    },
    "demand of a draft (written)": {
        "plan_id": _TEXT,
        "new": _YES,
        "held": _WHOLE,
        "demand_current": _NUMBER,
        "demand_draft": _NUMBER,
        "change": _NUMBER,
        "change_low": _NUMBER,
        "change_high": _NUMBER,
        "new_from_holders": _NUMBER,
        "share_of_new": _NUMBER,
        "revenue_current_cents": _WHOLE,
        "revenue_draft_cents": _WHOLE,
    },
    "bill lines of events (written)": {
        "subscriber": _TEXT,
        "period": _TEXT,
        "item": _TEXT,
        "quantity": _TEXT,
        "cents": _WHOLE,
    },
    "notices, one object a line after the header (written)": {
        SUBSCRIBER: _TEXT,
        "kind": _TEXT,
        "basis": _OBJECT,
        "figures": _OBJECT,
        "text": _TEXT,
    },
    "manifest of a logged output, a JSON object (written)": {
        "run": _TEXT,
        "output": _TEXT,
        "sha256": _TEXT,
        "route": _TEXT,
        "model": _TEXT,
        "rules": _TEXT,
        "card": _TEXT,
        "entries": _WHOLE,
        "unlogged": _WHOLE,
    },
    "rejected rows (written)": {"table": _TEXT, "row": _WHOLE, "column": _TEXT, "reason": _TEXT},
    "simulated subscribers (written)": {
        SUBSCRIBER: _TEXT,
        AGE: _NUMBER,
        REG_DATE: _DAY,
        CHURN_DATE: _DAY,
        HOLDOUT: _YES,
    },
    "simulated offers (written)": {
        SUBSCRIBER: _TEXT,
        MONTH: _TEXT,
        CURRENT_PLAN: _TEXT,
        OFFERED_PLAN: _TEXT,
        PROPENSITY: _NUMBER,
        ACCEPTED: _YES,
        HOLDOUT: _YES,
        CONTACTS_90D: _WHOLE,
    },
}
_FULL_EVENTS = {
    "event": _TEXT,
    "subscriber": _TEXT,
    "kind": _TEXT,
    "start": _DAY,
    "seconds": _WHOLE,
    "mb": _NUMBER,
    "to": _TEXT,
    "number": _TEXT,
    "at": _TEXT,
}


def dictionary() -> list[ColumnEntry]:
    """Return every column of every file that the commands read and write.

    Raises
    ------
    ConfigError
        If a column has no words in `templates/columns.yaml`.
    """
    texts = ColumnTexts("planrec")
    schemas: dict[str, object] = {"usage months (read; simulated: written)": usage_schema()}
    schemas |= {f"events, {name} (read; simulated: written)": schema for name, schema in event_schemas().items()}
    schemas["events for full rate cards (read)"] = pa.schema(_FULL_EVENTS)
    schemas["usage months as cells (written and read)"] = cell_schema().append(pa.field("scheme", _TEXT))
    schemas["bills (written)"] = BILL_SCHEMA
    schemas["advice (written)"] = ranked_schema({}, explain=True)
    schemas["offers (written)"] = ranked_schema(OFFER_COLUMNS, explain=True)
    schemas["plans not offered (written)"] = EXCLUDED_SCHEMA
    schemas["predictions (written)"] = prediction_schema(["<plan>"])
    schemas["outcomes (read)"] = OUTCOME_SCHEMA
    schemas["decisions exported (written)"] = export_schema()
    schemas |= {file: pa.schema(columns) for file, columns in _WRITTEN.items()}
    return [entry for file, schema in schemas.items() for entry in described(file, schema, texts)]


def run_columns(file: str | None, form: str) -> None:
    """Show the dictionary.

    Raises
    ------
    ConfigError
        If no file has such a name.
    """
    show_dictionary(dictionary(), file, form, TITLE)
