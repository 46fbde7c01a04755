"""The service: `carvision serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from app.schemas import EXAMPLE, CarRequest, PriceResponse, SimilarListing
from carvision.columns import MODEL
from carvision.config import SPEC, CarVisionConfig
from carvision.neighbours import Scales
from carvision.scoring import CarScorer
from common_utils.decision_log.recorder import Recorder
from common_utils.table_project.service import LiveModel, create_table_service, record_columns

__all__ = ["app", "create_app"]

PROJECT = Path(__file__).resolve().parents[1]

Live = LiveModel[CarVisionConfig]


def _answer(live: Live, records: Sequence[CarRequest]) -> list[PriceResponse]:
    columns, settings = record_columns(records), live.config.similar
    scorer = cast("CarScorer", live.scorer)  # what `open_scorer` below opens
    prices, known_models = scorer.score(columns), scorer.known(columns).tolist()
    scales = Scales(settings.year_scale, settings.mile_scale, settings.condition_scale)
    similar = scorer.similar(columns, count=settings.count, scales=scales)
    return [
        PriceResponse(
            prediction=round(price),
            low=round(low),
            high=round(high),
            model_known=known,
            similar=[SimilarListing(**asdict(ad)) for ad in ads],
            model_version=live.version,
        )
        for known, (price, low, high), ads in zip(known_models, prices.tolist(), similar, strict=True)
    ]


def create_app(
    open_model: Callable[[], Live] | None = None, open_log: Callable[[], Recorder | None] | None = None
) -> FastAPI:
    """Return the service; nothing is opened before it starts.

    Parameters
    ----------
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that CARVISION_BUNDLE names, or the current one of
        the configured artifacts folder.
    open_log : callable, optional
        Opens the decision log; by default the configured one, and none where `open_model` is given.

    Examples
    --------
    >>> sorted(path for path in create_app().openapi()["paths"] if path.startswith("/p"))
    ['/predict', '/predict/batch']
    """
    return create_table_service(
        SPEC,
        PROJECT,
        record=CarRequest,
        answer_model=PriceResponse,
        answer=_answer,
        probe=CarRequest.model_validate(EXAMPLE),
        open_scorer=CarScorer.open,
        version="0.1.0",
        names=(MODEL,),
        open_model=open_model,
        open_log=open_log,
    )


app = create_app()
