"""One day of retraining: reasons, snapshot, checks, training, gate, and a challenger; never a promotion.

Every step leaves something whole or nothing, and the day's record is written last: a run that was killed goes on from
the last whole thing when the day is asked for again, and nothing is done twice.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from common_utils.bundle import Bundle, fingerprint_bytes, fingerprint_file, open_bundle
from common_utils.bundle.manifest import is_version
from common_utils.bundle.signing import Trust
from common_utils.datasets.snapshot import Snapshot
from common_utils.errors import ArtifactError, DataError, GateError
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.lifecycle.days import RetrainBook, RetrainDay
from common_utils.lifecycle.gate import GateReport, refused_before
from common_utils.lifecycle.measures import GateVerdict
from common_utils.lifecycle.reasons import RetrainReason, blocked_by, reasons_to_train
from common_utils.lifecycle.report import markdown_report
from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.outputs import write_bytes, write_text
from common_utils.releases import challenge, challenger_version, publish, standing_of
from common_utils.releases.author import Author
from common_utils.releases.standing import digest_of

__all__ = ["Retraining", "TrainingData", "retrain", "trained_and_judged"]


class TrainingData(Protocol):
    """A project's data of one training, read once."""

    def snapshot(self) -> Snapshot:
        """Keep the data by its digest."""
        ...

    def train(self, root: Path, snapshot: str) -> Bundle:
        """Check the data, train, and write the bundle into a root of its own; nothing is published.

        Raises
        ------
        GateError
            If the data holds a leak, or the compiled model is not the fitted one.
        DataError
            If a check of the data fails, or there is too little to learn from.
        """
        ...

    def judge(self, live: Bundle, challenger: Bundle) -> GateReport:
        """Return what the gate finds on rows that neither bundle learnt from."""
        ...


@dataclass(frozen=True)
class Retraining:
    """What a project brings to a day of retraining.

    Attributes
    ----------
    project : str
        Package.
    artifacts : Path
        Root of the bundles.
    trust : Trust
        Signs the new bundle, and says which signatures count.
    config : LifecycleConfig
    folder : Path
        `lifecycle.folder`, resolved.
    monitoring : Path
        `monitoring.folder`, resolved.
    settings : str
        Fingerprint of all settings.
    live_digests : callable
        From the live bundle to the digests of its `rate_card` and `rules`, as `reasons_to_train` compares them.
    now : mapping of str to str
        The same of the settings.
    read : callable
        Reads the data; called once, and only if there is a reason to train.
    who : str
        Whose name stands in the history.
    """

    project: str
    artifacts: Path
    trust: Trust
    config: LifecycleConfig
    folder: Path
    monitoring: Path
    settings: str
    live_digests: Callable[[Bundle], Mapping[str, str]]
    now: Mapping[str, str]
    read: Callable[[], TrainingData]
    who: str


def retrain(asked: Retraining, as_of: date, step: Callable[[str], None]) -> tuple[RetrainDay, bool]:
    """Return what a day of retraining ends with, and whether that was known already.

    Parameters
    ----------
    asked : Retraining
    as_of : date
    step : callable
        Told in a few words what begins.

    Raises
    ------
    ArtifactError
        If there is no live bundle, or the disk refuses.
    DataError
        If records cannot be read.
    """
    book = RetrainBook(asked.folder)
    with book.writing():
        live = open_bundle(asked.artifacts, trust=asked.trust)
        seen = [one for one in DayBook(asked.monitoring).days() if one.as_of <= as_of.isoformat()]
        question = _question(asked, live, seen)
        known = book.day(as_of)
        if known is not None and (known.trained or known.question == question):
            return known, True
        start = RetrainDay(asked.project, as_of.isoformat(), "no_reason", live.version, question=question)
        day = _before_training(asked, book, start, live, seen, as_of)
        if day is None:
            day = _with_training(asked, book, start, live, _reasons(asked, book, live, seen[-1], as_of), step)
        book.keep(day)
        book.clear_work()
        return day, False


def _question(asked: Retraining, live: Bundle, seen: list[MonitorDay]) -> str:
    """Return what tells one question from another: what is live, the settings, and what monitoring has found."""
    digest = hashlib.sha256(f"{live.version}\0{asked.settings}".encode())
    for day in seen:
        digest.update(json.dumps(day.to_dict(), sort_keys=True).encode())
    return digest.hexdigest()


def _before_training(
    asked: Retraining, book: RetrainBook, start: RetrainDay, live: Bundle, seen: list[MonitorDay], as_of: date
) -> RetrainDay | None:
    """Return the day where it ends before anything is read; None where there is a reason to train."""
    if not seen or seen[-1].as_of != start.as_of:
        said = f"Monitoring has not looked on {as_of}, so a fault of the data is not excluded. Run monitor first."
        return replace(start, outcome="insufficient", sentences=(said,))
    if seen[-1].bundle != live.version:
        said = f"On {as_of} monitoring looked at bundle {seen[-1].bundle}, and {live.version} is live. Run monitor."
        return replace(start, outcome="insufficient", sentences=(said,))
    blocking = blocked_by(seen, accepted=asked.config.accept_periods)
    if blocking:
        told = [f"{period or 'no period'}: {found.sentence}" for period, all_ in blocking.items() for found in all_]
        remedy = (
            "Repair the data and run monitor again for that day; or, where the data is right, name the period in "
            "lifecycle.accept_periods."
        )
        return replace(start, outcome="blocked", sentences=(*told, remedy))
    if not _reasons(asked, book, live, seen[-1], as_of):
        return start
    return None


def _reasons(
    asked: Retraining, book: RetrainBook, live: Bundle, day: MonitorDay, as_of: date
) -> tuple[RetrainReason, ...]:
    return reasons_to_train(
        as_of,
        trained=_last_trained(book, live, as_of),
        every_days=asked.config.retrain_every_days,
        day=day,
        live=asked.live_digests(live),
        now=asked.now,
    )


def _last_trained(book: RetrainBook, live: Bundle, as_of: date) -> date:
    """Return the last day, this one at most, that a model was fitted on, as far as is known."""
    days = [date.fromisoformat(str(live.manifest["created"])[:10])]
    days += [date.fromisoformat(one.as_of) for one in book.days() if one.trained]
    return max((day for day in days if day <= as_of), default=as_of)


def _with_training(
    asked: Retraining,
    book: RetrainBook,
    start: RetrainDay,
    live: Bundle,
    reasons: tuple[RetrainReason, ...],
    step: Callable[[str], None],
) -> RetrainDay:
    data = asked.read()
    step("keeping the data as a snapshot")
    snapshot = data.snapshot()
    inputs = fingerprint_bytes(f"{snapshot.digest}\0{asked.settings}\0{live.version}".encode())
    start = replace(start, reasons=reasons, snapshot=snapshot.digest, inputs=inputs)
    for before in reversed(book.days()):
        if before.inputs == inputs and before.trained:
            said = f"Data, settings and live bundle are those of {before.as_of}, whose outcome stands."
            kept = replace(before, as_of=start.as_of, question=start.question, reasons=reasons, trained=False)
            if before.outcome == "challenger" and standing_of(asked.artifacts).bars(before.challenger):
                return replace(kept, outcome="barred", sentences=(said, f"{before.challenger} was barred since."))
            return replace(kept, sentences=(said, *before.sentences))
    work = book.work(inputs)
    done = _challenges_already(asked, book, start, _finished(work, asked.trust))
    if done is not None:
        return done
    report, bundle = trained_and_judged(data, work, live, snapshot.digest, asked.trust, step)
    start = replace(
        start, trained=True, challenger=bundle.version if bundle else "", evidence=_kept(book, start, report)
    )
    verdict: GateVerdict = report.verdict
    if verdict != "passes" or bundle is None:
        return replace(start, outcome="refused" if verdict == "refused" else "insufficient", sentences=report.reasons)
    return _challenger(asked, start, live, bundle, book, step)


def _challenges_already(
    asked: Retraining, book: RetrainBook, day: RetrainDay, bundle: Bundle | None
) -> RetrainDay | None:
    """Return the day of a run that was killed after its bundle became the challenger; None for any other."""
    report = book.report_file(day.as_of, "json")
    if bundle is None or challenger_version(asked.artifacts) != bundle.version or not report.exists():
        return None
    evidence = fingerprint_file(report)
    said = f"{bundle.version} challenges {day.live}."
    return replace(
        day, outcome="challenger", challenger=bundle.version, evidence=evidence, trained=True, sentences=(said,)
    )


def trained_and_judged(
    data: TrainingData, work: Path, live: Bundle, snapshot: str, trust: Trust, step: Callable[[str], None]
) -> tuple[GateReport, Bundle | None]:
    """Train and judge, or take the bundle that a killed run had finished.

    Parameters
    ----------
    data : TrainingData
    work : Path
        Root of the new bundle.
    live : Bundle
    snapshot : str
        Digest of the data.
    trust : Trust
    step : callable
        Told in a few words what begins.

    Returns
    -------
    tuple of GateReport and Bundle or None
        None where the data or the training was refused.
    """
    bundle = _finished(work, trust)
    if bundle is None:
        step("training")
        try:
            bundle = data.train(work, snapshot)
        except (GateError, DataError) as error:
            name = "data" if isinstance(error, DataError) else "training"
            return refused_before(live.version, name, str(error)), None
    step("judging the new bundle against the live one")
    return data.judge(live, bundle), bundle


def _finished(work: Path, trust: Trust) -> Bundle | None:
    """Return the bundle that a killed run had written; one that does not verify is trained anew."""
    for path in sorted(work.iterdir()):
        if is_version(path.name):
            try:
                return open_bundle(path, trust=trust)
            except ArtifactError:
                shutil.rmtree(path, ignore_errors=True)
    return None


def _kept(book: RetrainBook, day: RetrainDay, report: GateReport) -> str:
    """Keep the gate's report, for programs and for people, and return the digest of the first."""
    data = report.encode()
    write_bytes(book.report_file(day.as_of, "json"), data)
    write_text(book.report_file(day.as_of, "md"), markdown_report(report, day.as_of, day.reasons))
    return fingerprint_bytes(data)


def _challenger(
    asked: Retraining, day: RetrainDay, live: Bundle, bundle: Bundle, book: RetrainBook, step: Callable[[str], None]
) -> RetrainDay:
    standing = standing_of(asked.artifacts)
    if digest_of(bundle.version) == digest_of(live.version):
        said = "The training made the live bundle again, file by file."
        return replace(day, outcome="insufficient", sentences=(said,))
    if standing.bars(bundle.version):
        said = f"{bundle.version} is barred; `lifecycle pardon` lifts a bar."
        return replace(day, outcome="barred", sentences=(said,))
    step("publishing the challenger")
    why = f"retrained on {day.as_of}: {', '.join(reason.kind.replace('_', ' ') for reason in day.reasons)}"
    author = Author(asked.who, why)
    publish(asked.artifacts, bundle.path, author=author, trust=asked.trust)
    evidence = {book.report_file(day.as_of, "json").name: day.evidence}
    challenge(asked.artifacts, bundle.version, author=author, evidence=evidence, trust=asked.trust)
    return replace(day, outcome="challenger", sentences=(f"{bundle.version} challenges {live.version}.",))
