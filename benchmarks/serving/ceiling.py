"""The ceiling: FastAPI validates the same body with the same model and answers a constant, without middleware."""

# The script runs in PlanRec's folder, where its `app` is found; the checker runs in the root.
# pyright: reportMissingImports=false, reportUnknownParameterType=false
from __future__ import annotations

from fastapi import FastAPI

from app.responses import PredictResponse
from app.schemas import PredictRequest

app = FastAPI()
ANSWER = PredictResponse(
    prediction="unlimited",
    probabilities={f"plan-{i}": 1 / 12 for i in range(12)},
    decides_from="2025-11",
    model_version="constant",
)


@app.get("/ready")
async def ready() -> dict[str, str]:
    """Say so."""
    return {"status": "ready"}


@app.post("/predict")
async def predict(body: PredictRequest) -> PredictResponse:  # noqa: ARG001  validated is all it is
    """Answer the same, whoever asks."""
    return ANSWER
