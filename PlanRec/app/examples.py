"""What /docs shows: answers as a small bundle gave them to the examples of the requests, lists cut short."""

from __future__ import annotations

from pydantic.config import JsonDict

__all__ = ["ADVICE", "CATALOGUE", "COMPARISON", "PREDICTION", "WITH_CELLS"]

WITH_CELLS: JsonDict = {
    "usage": [{"month": "2025-10", "minutes": 120, "messages": 2, "megabytes": 600.5}],
    "current_plan": "basic-6",
    "contract_months_left": 0,
    "cells": {
        "scheme": "ca887381931a1d15617278358ab568eb661252a8cd5b39fc50bb8ec72a5a16ca",
        "rows": [
            *(
                {
                    "month": "2025-10",
                    "kind": "call",
                    "to": "fixed",
                    "increment": increment,
                    "events": 1,
                    "seconds": 7200,
                    "seconds_beyond": [6900],
                }
                for increment in ("1/1", "60/1", "60/60")
            ),
            {"month": "2025-10", "kind": "sms", "increment": "exact", "events": 2},
            {"month": "2025-10", "kind": "data", "increment": "exact", "events": 1, "data_parts": 600500000},
        ],
    },
}

_POLICY: JsonDict = {
    "mode": "advice",
    "basis": "forecast",
    "history_months": 6,
    "risk_weight": 0.1,
    "min_gain_cents": 100,
    "offer": None,
}

ADVICE: JsonDict = {
    "advice": [
        {
            "rank": 1,
            "plan_id": "smart-12",
            "name": "Smart 12",
            "is_current": False,
            "advice": "switch",
            "action": "switch",
            "expected_bill_cents": 2057,
            "spread_cents": 340,
            "saving_cents": 733,
            "p_pay_more": 0.0625,
            "contract_months": 12,
            "line_items": {"fee_cents": 1890, "minutes_cents": 42, "messages_cents": 0, "data_cents": 125},
            "reason": "With the usage of the 3 months known, Smart 12 would have cost 18.90 EUR a month (fee 18.90, "
            "minutes 0.00, messages 0.00, data 0.00): 9.00 less than Smart 25. Expected from now on: 20.57 EUR "
            "a month, 7.33 less than Smart 25.",
            "p_accept": None,
            "offer_value_cents": None,
            "churn_change": None,
        }
    ],
    "stay_reason": None,
    "earliest_change": None,
    "excluded": [
        {"plan_id": "flex-5", "reason_code": "NO_LONGER_SOLD"},
        {"plan_id": "young-10", "reason_code": "AGE_UNKNOWN"},
        {"plan_id": "senior-talk", "reason_code": "AGE_UNKNOWN"},
    ],
    "unknown_facts": ["age"],
    "as_of": "2025-10",
    "months_used": 3,
    "currency": "EUR",
    "policy": _POLICY,
    "rules_version": "rules-2025-03",
    "catalogue_version": "operator-2025-01",
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}

CATALOGUE: JsonDict = {
    "version": "operator-2025-01",
    "currency": "EUR",
    "data_unit_megabytes": 1024,
    "plans": [
        {
            "plan_id": "prepaid-0",
            "name": "Pay As You Go",
            "monthly_fee_cents": 400,
            "included_minutes": 0,
            "included_messages": 0,
            "included_megabytes": 1024,
            "cents_per_minute": 9,
            "cents_per_message": 9,
            "cents_per_data_unit": 500,
            "contract_months": 0,
            "on_sale_from": None,
            "on_sale_to": None,
            "min_age": None,
            "max_age": None,
        }
    ],
    "needs_usage_detail": [],
}

COMPARISON: JsonDict = {
    "plans": [
        {
            "plan_id": "smart-12",
            "name": "Smart 12",
            "draft": False,
            "expected_bill_cents": 2086,
            "expected_bill_then_cents": 2554,
            "spread_then_cents": 865,
            "travel_bill_cents": 3643,
            "year_bill_cents": 25032,
            "year_bill_then_cents": 30648,
            "reason_code": None,
        },
        {
            "plan_id": "smart-25",
            "name": "Smart 25",
            "draft": False,
            "expected_bill_cents": 2790,
            "expected_bill_then_cents": 2804,
            "spread_then_cents": 108,
            "travel_bill_cents": 2885,
            "year_bill_cents": 33480,
            "year_bill_then_cents": 33648,
            "reason_code": None,
        },
    ],
    "best_now": "smart-12",
    "best_then": "smart-12",
    "advice_changes": False,
    "excluded": {},
    "as_of": "2025-10",
    "months_used": 2,
    "currency": "EUR",
    "policy": _POLICY,
    "rules_version": "rules-2025-03",
    "catalogue_version": "operator-2025-01",
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}

PREDICTION: JsonDict = {
    "prediction": "basic-6",
    "probabilities": {
        "prepaid-0": 0.00041064110305793523,
        "flex-5": 0.0,
        "young-10": 0.0,
        "basic-6": 0.3581776994907025,
        "talk-800": 0.017556060971170673,
        "smart-12": 0.13168766476486748,
        "senior-talk": 0.0,
        "data-20": 0.05246507777329233,
        "smart-25": 0.058092746992396194,
        "family-40": 0.02066966559734893,
        "voice-free": 0.08661080070822759,
        "unlimited": 0.012801722743154434,
        "max-voice": 0.26152791985578194,
    },
    "decides_from": "2025-11",
    "meaning": "predicts the plan people choose",
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}
