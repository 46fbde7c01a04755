"""Save the fitted pipeline of a bundle as an MLflow model, and the requests its server takes; `peers.py` runs it."""

# Runs where all of MLflow is installed, which is never the project's environment.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
import mlflow.sklearn
import pandas as pd
import yaml
from mlflow.models import infer_signature
from payloads import bodies, record

from planrec.decisions.record import decision_columns

ROWS_OF_THE_SIGNATURE = 200


def main(bundle: Path, folder: Path, payloads: int) -> None:
    """Write `folder`/model and `folder`/bodies.json."""
    settings = yaml.safe_load((bundle / "config.yaml").read_text(encoding="utf-8"))
    source = settings["data"]["source"]
    columns = decision_columns(
        [record(body) for body in bodies(payloads)],
        history_months=settings["features"]["history_months"],
        extra_columns=settings["data"][source]["extra_columns"],
    )
    table = pd.DataFrame(columns)
    model = joblib.load(bundle / "model.joblib")
    answers = model.predict_proba(table.head(ROWS_OF_THE_SIGNATURE))
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=infer_signature(table.head(ROWS_OF_THE_SIGNATURE), answers),
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",  # what a pipeline with classes of its own needs
    )
    rows = json.loads(table.to_json(orient="split", index=False))
    asked = [json.dumps({"dataframe_split": {"columns": rows["columns"], "data": [row]}}) for row in rows["data"]]
    (folder / "bodies.json").write_text(json.dumps(asked), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
