"""A digest of what a small bundle answers 500 subscribers: figures of a study stand while it is the same."""

from __future__ import annotations

import platform
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from common_utils.bundle import fingerprint_bytes, library_versions
from common_utils.tables import write_table
from planrec.batch.by_bundle import AskedOfBundle, bundle_answers
from planrec.batch.files import write_recommendations
from planrec.bundle import PlanRecBundle
from planrec.columns import CONSENT, CONTACTS_90D, HOLDOUT, MONTH, SUBSCRIBER
from planrec.config import load_planrec_config
from planrec.data import load_usage
from planrec.months import month_index
from planrec.preparation import Step
from planrec.rules import Mode
from planrec.training import LIBRARIES, train

__all__ = ["ANSWERED", "SMALL_RUN", "answers_digest", "libraries", "small_run_digest"]

ANSWERED = 500
SMALL_RUN = (
    "simulator.subscribers=1200",
    "training.model.max_iter=4",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
)
"""Settings of the bundle that answers: it is trained in seconds, by the same code as any other."""

_AS_OF = "2025-10"
_MODES: tuple[Mode, ...] = ("advice", "offer")
_NEAR = 4  # decimals of chances; beyond them one processor's sum may differ from another's


def small_run_digest(project: Path, step: Step) -> str:
    """Train the small bundle, and return the digest of its answers."""
    with TemporaryDirectory() as name:
        config = load_planrec_config(project, overrides=[*SMALL_RUN, f"tracking.folder={name}/runs"], environ={})
        bundle = train(config, project, artifacts=Path(name) / "artifacts", step=step)
        return answers_digest(PlanRecBundle.open(bundle.path), project)


def answers_digest(bundle: PlanRecBundle, project: Path) -> str:
    """Return the sha256 of what a bundle answers the first subscribers of its own operator, advice and offers.

    Parameters
    ----------
    bundle : PlanRecBundle
        Of `SMALL_RUN`.
    project : Path
        Folder that the paths of the settings count from.
    """
    months = load_usage(bundle.config, bundle.catalogue, project).months
    some = months[months[SUBSCRIBER].isin(sorted(months[SUBSCRIBER].unique())[:ANSWERED])]
    asked_with = some.assign(**{CONSENT: True, HOLDOUT: False, CONTACTS_90D: 0.0})
    parts: list[bytes] = []
    with TemporaryDirectory() as name:
        usage, output = Path(name) / "usage.parquet", Path(name) / "answers.parquet"
        write_table(asked_with.sort_values([SUBSCRIBER, MONTH], ignore_index=True), usage)
        for mode in _MODES:
            asked = AskedOfBundle(month_index(_AS_OF), mode, recent_months=bundle.config.features.recent_months)
            write_recommendations(usage, bundle_answers(bundle, asked).recommender, output)
            parts.append(pd.read_parquet(output).round(_NEAR).to_csv(index=False).encode())
    return fingerprint_bytes(b"".join(parts))


def libraries() -> dict[str, str]:
    """Return the versions that answers may depend on: another NumPy may round another cent."""
    return {"python": platform.python_version(), **library_versions(LIBRARIES)}
