"""The service: `telecom serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import FastAPI

from app.schemas import EXAMPLE, MonthRequest, PredictResponse
from common_utils.compiled import CompiledScorer
from common_utils.decision_log.recorder import Recorder
from common_utils.table_project.service import LiveModel, create_table_service, record_columns
from telecom.caveat import CAVEAT
from telecom.config import SPEC, TelecomConfig
from telecom.features import shipped_step

__all__ = ["app", "create_app"]

PROJECT = Path(__file__).resolve().parents[1]

Live = LiveModel[TelecomConfig]


def _answer(live: Live, records: Sequence[MonthRequest]) -> list[PredictResponse]:
    probability = live.scorer.score(record_columns(records))[:, 1]
    threshold = live.threshold(live.config.model.threshold)
    return [
        PredictResponse(prediction="ultra" if p >= threshold else "smart", probability=p, model_version=live.version)
        for p in probability.tolist()
    ]


def create_app(
    open_model: Callable[[], Live] | None = None, open_log: Callable[[], Recorder | None] | None = None
) -> FastAPI:
    """Return the service; nothing is opened before it starts.

    Parameters
    ----------
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that TELECOM_BUNDLE names, or the current one of
        the configured artifacts folder.
    open_log : callable, optional
        Opens the decision log; by default the configured one, and none where `open_model` is given.

    Examples
    --------
    >>> sorted(path for path in create_app().openapi()["paths"] if path.startswith("/p"))
    ['/predict', '/predict/batch']
    """
    service = create_table_service(
        SPEC,
        PROJECT,
        record=MonthRequest,
        answer_model=PredictResponse,
        answer=_answer,
        probe=MonthRequest.model_validate(EXAMPLE),
        open_scorer=lambda bundle, config: CompiledScorer.open(bundle, shipped_step(config)),
        version="0.1.0",
        open_model=open_model,
        open_log=open_log,
    )
    service.description = f"{SPEC.question} {CAVEAT}"
    return service


app = create_app()
