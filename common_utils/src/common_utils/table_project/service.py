"""The service of a project on one table: `/predict`, `/predict/batch` and everything `create_service` brings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from fastapi import APIRouter, FastAPI
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from common_utils.bundle import Bundle, open_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.config.project import ProjectSpec
from common_utils.decision_log.coarse_groups import group_reader
from common_utils.decision_log.journal.lines import Fixed
from common_utils.decision_log.kinds import check_value
from common_utils.decision_log.recorder import Recorder, open_recorder
from common_utils.monitoring.profiles.live import LiveProfiles, SeenRows, served_profile
from common_utils.monitoring.profiles.metrics import ProfileCollector
from common_utils.monitoring.profiles.profile import Profile
from common_utils.releases.config import load_trust
from common_utils.releases.trained import trained_settings
from common_utils.scoring import Scorer
from common_utils.serving.config import MOST_BATCH_ROWS
from common_utils.serving.decisions.events import (
    SUBJECT,
    LoggedAnswer,
    LoggedEvent,
    LogPlace,
    Subject,
    with_events,
)
from common_utils.serving.decisions.outcomes import outcome_routes
from common_utils.serving.decisions.quick import QuickLog
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.project import ProjectService
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.names import in_one_spelling

__all__ = ["Batch", "BatchAnswer", "LiveModel", "TableRecord", "create_table_service", "open_live", "record_columns"]

Settings = TypeVar("Settings", bound=TableProjectConfig)
Record = TypeVar("Record", bound="TableRecord")
Answer = TypeVar("Answer", bound=LoggedAnswer)


class TableRecord(BaseModel):
    """Base of a record to answer: unknown fields are refused, and no value is converted.

    Fields carry the table's column names, as name or alias, so that a row of the table is a request.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    subject: Subject | None = SUBJECT


class Batch(BaseModel, Generic[Record]):
    """Several records at once: no more than `limits.max_batch_rows` of the settings."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    records: list[Record] = Field(min_length=1, max_length=MOST_BATCH_ROWS)


class BatchAnswer(BaseModel, Generic[Answer]):
    """Answers in the order of the records."""

    predictions: list[Answer]
    model_version: str = Field(examples=["20261123T120102Z-1a2b3c4d5e6f"])


@dataclass(frozen=True)
class LiveModel(Generic[Settings]):
    """Everything one bundle answers with; a request sees exactly one of these.

    Attributes
    ----------
    version : str
    scorer : Scorer
    config : TableProjectConfig
        The settings of the bundle.
    info : mapping
        What `GET /model` tells.
    metrics : mapping
        The bundle's `metrics.json`.
    reference : Profile or None
        What it was trained on, in counts; None where the bundle has none.
    snapshot : str
        Digest of the data it was trained on; empty where the bundle names none.
    """

    version: str
    scorer: Scorer
    config: Settings
    info: Mapping[str, Any]
    metrics: Mapping[str, Any]
    reference: Profile | None = None
    snapshot: str = ""

    def threshold(self, rule: str) -> float:
        """Return from which probability on the answer is yes, by a rule of a bundle that decides between two."""
        found = self.metrics.get("thresholds") or self.metrics["holdout"]["thresholds"]  # older bundles: there alone
        return float(found[rule])


def open_live(
    spec: ProjectSpec[Settings],
    path: Path,
    open_scorer: Callable[[Bundle, Settings], Scorer],
    *,
    trust: Trust = INTEGRITY_ONLY,
) -> LiveModel[Settings]:
    """Verify a bundle and open all of it; nothing is parsed before signature and hash are checked.

    Parameters
    ----------
    spec : ProjectSpec
    path : Path
        A bundle or a root of bundles.
    open_scorer : callable
        From bundle and its settings, for example `CompiledScorer.open` with the project's features.
    trust : Trust
        Whose signatures count.

    Raises
    ------
    ArtifactError
        If the bundle is missing, altered or does not hold together.
    """
    bundle = open_bundle(path, trust=trust)
    metrics = bundle.read_json("metrics.json")
    config = trained_settings(bundle, spec.settings, spec.name)
    return LiveModel(
        version=bundle.version,
        scorer=open_scorer(bundle, config),
        config=config,
        info={
            "created": bundle.manifest["created"],
            "libraries": bundle.info["libraries"],
            "metrics": metrics["holdout"],
            "refitted": metrics.get("refitted", False),
            "trained_on": metrics["table"],
            "synthetic": metrics["synthetic"],
        },
        metrics=metrics,
        reference=served_profile(bundle),
        snapshot=bundle.snapshot,
    )


def record_columns(records: Sequence[TableRecord]) -> dict[str, NDArray[Any]]:
    """Return records as columns by the table's names: text as objects, numbers as float64 with NaN for missing.

    Examples
    --------
    >>> class Car(TableRecord):
    ...     model: str
    ...     odometer: float | None = None
    >>> record_columns([Car(model="x"), Car(model="y", odometer=5.0)])["odometer"].tolist()
    [nan, 5.0]
    """
    rows = [record.model_dump(by_alias=True, exclude={"subject"}) for record in records]
    columns: dict[str, NDArray[Any]] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if any(isinstance(value, str) for value in values):
            columns[name] = np.array(values, dtype=object)
        else:
            columns[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return columns


def create_table_service(
    spec: ProjectSpec[Settings],
    folder: Path,
    *,
    record: type[Record],
    answer_model: type[Answer],
    answer: Callable[[LiveModel[Settings], Sequence[Record]], Sequence[Answer]],
    probe: Record,
    open_scorer: Callable[[Bundle, Settings], Scorer],
    version: str,
    names: Collection[str] = (),
    groups: Sequence[str] = (),
    open_model: Callable[[], LiveModel[Settings]] | None = None,
    open_log: Callable[[], Recorder | None] | None = None,
) -> FastAPI:
    """Return the service of a project on one table; nothing is opened before it starts.

    Parameters
    ----------
    spec : ProjectSpec
    folder : Path
        The project's.
    record, answer_model : type of BaseModel
        What is asked and answered.
    answer : callable
        Answers records in their order; must not depend on how many there are.
    probe : Record
        Answered once before the service is ready.
    open_scorer : callable
        From bundle and its settings, for example `CompiledScorer.open` with the project's features.
    version : str
        Of the service.
    names : collection of str
        Columns that hold names of things in several spellings, which monitoring counts as one.
    groups : sequence of str
        Columns that entries of the decision log carry as coarse groups; as `TableTask.coarse_groups`.
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that `<NAME>_BUNDLE` names, or the current one of
        the configured artifacts folder, whose pointer is then followed.
    open_log : callable, optional
        Opens the decision log; by default the configured one, and none where `open_model` is given.

    Returns
    -------
    FastAPI
        As `create_service`, with `POST /predict`, `POST /predict/batch` and `POST /outcomes`.
    """
    slot: ModelSlot[LiveModel[Settings]] = ModelSlot()
    log: LogPlace[Recorder] = LogPlace()
    profiles: LiveProfiles[LiveModel[Settings]] = LiveProfiles("predict", _seen_rows(record, names))

    def open_profiles() -> Callable[[], None]:
        return profiles.started(spec.load(folder).monitoring, folder)

    def open_configured_log() -> Recorder | None:
        return open_recorder(spec.load(folder).decisions, spec.name, folder)

    def opener(config: Settings) -> Callable[[Path], LiveModel[Settings]]:
        trust = load_trust(config.releases, folder)
        return lambda place: open_live(spec, place, open_scorer, trust=trust)

    def ask(live: LiveModel[Settings]) -> None:
        answer(live, [probe])

    service = ProjectService(
        spec, folder, slot, lambda: spec.load(folder), opener, ask, model_info=lambda live: live.info
    )
    app = service.create(
        [
            _routes(spec, slot, log, profiles, record, answer_model, answer, group_reader(record, groups)),
            outcome_routes(log, check_value),
        ],
        version=version,
        open_model=open_model,
        log=log,
        open_log=open_log or (open_configured_log if open_model is None else lambda: None),
        beside=open_profiles if open_model is None else None,
    )
    app.state.metrics.add(ProfileCollector(profiles))
    return app


def _seen_rows(
    record: type[TableRecord], names: Collection[str]
) -> Callable[[Sequence[Any], Sequence[float]], SeenRows]:
    """Return what makes records and scores to columns: by the table's names, as `record_columns`, in bulk."""
    fields = {name: field.alias or name for name, field in record.model_fields.items() if name != "subject"}
    read = attrgetter("subject", *fields)

    def rows(records: Sequence[Any], scores: Sequence[float]) -> SeenRows:
        subjects, *values = zip(*map(read, records), strict=True)
        columns = {name: _column(found) for name, found in zip(fields.values(), values, strict=True)}
        return SeenRows(in_one_spelling(columns, names), np.array(scores, dtype=np.float64), subjects)

    return rows


def _column(values: Sequence[Any]) -> NDArray[Any]:
    text = any(isinstance(value, str) for value in values)
    return np.array(values, dtype=object if text else np.float64)


def _routes(
    spec: ProjectSpec[Settings],
    slot: ModelSlot[LiveModel[Settings]],
    log: LogPlace[Recorder],
    profiles: LiveProfiles[LiveModel[Settings]],
    record: type[Record],
    answer_model: type[Answer],
    answer: Callable[[LiveModel[Settings], Sequence[Record]], Sequence[Answer]],
    groups: Callable[[Record], bytes],
) -> APIRouter:
    batch, batch_answer = Batch[record], BatchAnswer[answer_model]
    score: Callable[[Any], float] = attrgetter(
        "probability" if "probability" in answer_model.model_fields else "prediction"
    )

    def fixed(sink: Recorder, live: LiveModel[Settings]) -> Fixed:
        return sink.fixed("/predict", "predict", live.version, snapshot=live.snapshot)

    logged: QuickLog[Recorder, LiveModel[Settings]] = QuickLog(log, lambda sink, live: sink.keeper(fixed(sink, live)))

    def line(event: LoggedEvent[Recorder], live: LiveModel[Settings], body: Record, answer: bytes) -> bytes:
        return event.sink.line(
            fixed(event.sink, live),
            event.event_id,
            answer=answer,
            asked=event.asked,
            subject=body.subject,
            milliseconds=event.milliseconds,
            groups=groups(body),
        )

    # One record takes less than handing it to a thread; a batch takes milliseconds, which belong in one.
    async def predict(body: Any) -> Any:
        live = slot.get()
        one = answer(live, [body])[0]
        slot.count(1)
        profiles.put((live, body, score(one)))
        said = logged(live, one.__pydantic_serializer__.to_json(one), body.subject, groups(body))
        return said if isinstance(said, bytes) else await said

    def predict_batch(body: Any) -> Any:
        live = slot.get()
        found = answer(live, body.records)
        answers = [one.__pydantic_serializer__.to_json(one) for one in found]
        slot.count(len(answers))
        for asked, one in zip(body.records, found, strict=True):
            profiles.put((live, asked, score(one)))
        events = log.events(body.records)
        triples = zip(events, body.records, answers, strict=bool(events))
        logged = with_events(events, answers, [line(event, live, one, said) for event, one, said in triples])
        return b'{"predictions":[%b],"model_version":%b}' % (b",".join(logged), to_json(live.version))

    # FastAPI reads what a route takes from its annotations, and these types are only known here.
    predict.__annotations__ |= {"body": record}
    predict_batch.__annotations__ |= {"body": batch}
    router = APIRouter(tags=[spec.name], route_class=FastRoute)
    router.add_api_route(
        "/predict",
        predict,
        methods=["POST"],
        response_model=answer_model,
        summary=spec.question,
        description="Answers one record; its fields are the columns of the table, in the units the schema gives.",
    )
    router.add_api_route(
        "/predict/batch",
        predict_batch,
        methods=["POST"],
        response_model=batch_answer,
        summary="The same for many records",
        description="Answers each record, in order; if one is refused, the whole batch is, and the error names it.",
    )
    return router
