"""A service on a model worked out by hand, and one on a trained bundle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.fastapi_app import create_app
from app.live import LivePlanRec, open_live
from common_utils.bundle import Bundle
from planrec.billing import Catalogue
from planrec.config import PlanRecConfig
from planrec.rules import built_in_rules
from tests.app.cases import by_bill_alone


@pytest.fixture(scope="module")
def live(catalogue: Catalogue, settings: PlanRecConfig) -> LivePlanRec:
    return LivePlanRec(
        "v-test", by_bill_alone(catalogue), catalogue, settings, {"created": "2026-01-01T00:00:00Z"}, built_in_rules()
    )


@pytest.fixture(scope="module")
def client(live: LivePlanRec) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


@pytest.fixture(scope="module")
def learnt(bundle: Bundle) -> Iterator[TestClient]:
    """A service whose bundle holds a forecast and offers."""
    with TestClient(create_app(lambda: open_live(bundle.path))) as found:
        yield found
