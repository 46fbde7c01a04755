"""What the `bias` commands do: read the log, report, open the record, roll back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from common_utils.decision_log.exports import joined
from common_utils.monitoring.bias.decided import Describe
from common_utils.monitoring.bias.escalation import EscalationBook, report_evidence
from common_utils.monitoring.bias.report import BiasReport, bias_report
from common_utils.monitoring.bias.verdict import keep_bias_verdict
from common_utils.releases import rollback
from common_utils.releases.author import Author

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.decision_log.desk import Desk

__all__ = ["BiasDesk", "Escalated"]

_LONGEST_WHY = 500


@dataclass(frozen=True)
class Escalated:
    """What an escalation came to: its number, the record, the report, and what is live after a rollback."""

    number: int
    record: Path
    report: BiasReport
    live: str | None


@dataclass(frozen=True)
class BiasDesk:
    """What the commands of one project work with.

    Attributes
    ----------
    log : Desk
        Of the decision log.
    monitoring : Path
        Folder of monitoring, where the record lies.
    artifacts : Path
        Root of the bundles.
    trust : Trust
    describe : callable
        What the project makes of entries.
    """

    log: Desk
    monitoring: Path
    artifacts: Path
    trust: Trust
    describe: Describe

    def report(self, since: date | None, until: date | None, by: Sequence[str]) -> BiasReport:
        """Return the report on decisions of some days, UTC; `until` is not included. One on every group is kept.

        Raises
        ------
        ConfigError, DataError
            As `bias_report`; DataError if the verdict cannot be kept.
        """
        with closing(self.log.open_store()) as store:
            rows = list(joined(store, self.log.selection(since, until)))
        report = bias_report(self.log.project, rows, self.describe, by)
        if not by:
            keep_bias_verdict(self.monitoring, report)
        return report

    def escalate(
        self, author: Author, since: date | None, until: date | None, by: Sequence[str], *, roll_back: bool
    ) -> Escalated:
        """Open the record with what the report says, and roll back if told; the record comes first.

        Raises
        ------
        ConfigError, DataError
            As `report`; DataError if the record cannot be written.
        ReleaseError, ArtifactError
            As `releases.rollback`; the record then says that it was opened, and no more.
        """
        report, book = self.report(since, until, by), EscalationBook(self.monitoring)
        number = book.add(author, "opened", {**report_evidence(report), "rollback": roll_back})
        told = len(report.at("alarm", "notice"))
        self.log.note(
            "bias escalation opened", who=author.who, why=author.why, about=f"{book.path.name} {number}", rows=told
        )
        live = None
        if roll_back:
            evidence = f"{author.why} (bias escalation {number}: {report.level}, {report.first} to {report.last})"
            entry = rollback(self.artifacts, author=Author(author.who, evidence[-_LONGEST_WHY:]), trust=self.trust)
            live = entry.to_version
            said = {"opened": number, "from_version": entry.from_version, "to_version": live, "release": entry.digest}
            book.add(author, "rolled back", said)
            self.log.note("bias rollback", who=author.who, why=evidence, about=str(live), rows=0)
        return Escalated(number, book.path, report, live)
