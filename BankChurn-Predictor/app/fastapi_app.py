"""The service: `bankchurn serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import FastAPI

from app.schemas import EXAMPLE, CustomerRequest, PredictResponse
from bankchurn.columns import COARSE_GROUPS
from bankchurn.config import SPEC, BankChurnConfig
from bankchurn.features import shipped_step
from bankchurn.retention import economics_of, expected_profit
from common_utils.compiled import CompiledScorer
from common_utils.decision_log.recorder import Recorder
from common_utils.table_project.service import LiveModel, create_table_service, record_columns

__all__ = ["app", "create_app"]

PROJECT = Path(__file__).resolve().parents[1]

Live = LiveModel[BankChurnConfig]


def _answer(live: Live, records: Sequence[CustomerRequest]) -> list[PredictResponse]:
    probability = live.scorer.score(record_columns(records))[:, 1]
    economics = economics_of(live.config)
    threshold = live.threshold(live.config.model.threshold)
    return [
        PredictResponse(
            prediction="leaves" if p >= threshold else "stays",
            probability=p,
            expected_profit=profit,
            model_version=live.version,
        )
        for p, profit in zip(probability.tolist(), expected_profit(probability, economics).tolist(), strict=True)
    ]


def create_app(
    open_model: Callable[[], Live] | None = None, open_log: Callable[[], Recorder | None] | None = None
) -> FastAPI:
    """Return the service; nothing is opened before it starts.

    Parameters
    ----------
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that BANKCHURN_BUNDLE names, or the current one of
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
        record=CustomerRequest,
        answer_model=PredictResponse,
        answer=_answer,
        probe=CustomerRequest.model_validate(EXAMPLE),
        open_scorer=lambda bundle, config: CompiledScorer.open(bundle, shipped_step(config)),
        version="0.1.0",
        groups=COARSE_GROUPS,
        open_model=open_model,
        open_log=open_log,
    )


app = create_app()
