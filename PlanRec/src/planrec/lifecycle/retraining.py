"""What PlanRec brings to a day of retraining: its data read once, a bundle trained on it, and the gate's figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common_utils import set_seed
from common_utils.bundle import Bundle, fingerprint_bytes
from common_utils.bundle.signing import Trust
from common_utils.config import dump_config, resolve_path
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.lifecycle.chain import Retraining
from common_utils.lifecycle.gate import Check, GateReport, bundle_checks, gate_report
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.releases.author import default_who
from common_utils.releases.config import load_trust
from common_utils.releases.trained import trained_settings
from common_utils.tables import Reading
from planrec.billing import Catalogue, load_catalogue
from planrec.bundle import PlanRecBundle
from planrec.bundle.contents import CATALOGUE_FILE, RULES_FILE
from planrec.choice.compiling import MATRIX_ROWS
from planrec.config import SPEC, PlanRecConfig
from planrec.data import load_usage
from planrec.lifecycle.checks import check_months
from planrec.lifecycle.measures import advised_plans, measures_of
from planrec.lifecycle.rows import JudgedRows, judged_rows
from planrec.preparation import Prepared, Step, prepare_usage
from planrec.rules import Rules, configured_rules, rules_file
from planrec.training import recorded_training, refuse_few_months, take_snapshot, write_trained
from planrec.usage.months_table import UsageData

__all__ = ["UsageTraining", "bundle_inputs", "judged", "retraining"]


def retraining(config: PlanRecConfig, project: Path, step: Step, reading: Reading | None = None) -> Retraining:
    """Return what PlanRec brings to a day of retraining.

    Parameters
    ----------
    config : PlanRecConfig
        Of the next bundle.
    project : Path
        Folder that relative paths count from.
    step : callable
        Told in a few words what begins.
    reading : Reading, optional
        What the command line says over `data.table`.

    Raises
    ------
    ConfigError
        If keys, rate card or rules cannot be used.
    """
    trust = load_trust(config.releases, project)
    artifacts = resolve_path(project, config.training.artifacts)
    card_file = resolve_path(project, config.data.chosen().plans)
    rules = rules_file(config.rules, project)
    card = load_catalogue(card_file)

    def read() -> UsageTraining:
        step("reading usage months")
        data = load_usage(config, card, project, reading=reading)
        if reading is not None:
            for report in data.reports:
                reading.accounts.update(report)
        return UsageTraining(
            config, project, artifacts, trust, card, configured_rules(config.rules, project, card), data, step
        )

    return Retraining(
        project=SPEC.name,
        artifacts=artifacts,
        trust=trust,
        config=config.lifecycle,
        folder=resolve_path(project, config.lifecycle.folder),
        monitoring=resolve_path(project, config.monitoring.folder),
        settings=fingerprint_bytes(dump_config(config).encode() + card_file.read_bytes() + rules),
        live_digests=lambda live: {
            "rate_card": fingerprint_bytes(live.read_bytes(CATALOGUE_FILE)),
            "rules": fingerprint_bytes(live.read_bytes(RULES_FILE)),
        },
        now={"rate_card": fingerprint_bytes(card_file.read_bytes()), "rules": fingerprint_bytes(rules)},
        read=read,
        who=default_who(),
    )


@dataclass
class UsageTraining:
    """Usage months that were read for one training; a `common_utils.lifecycle.chain.TrainingData`.

    Attributes
    ----------
    config, project, artifacts, trust
        As of `retraining`.
    card, rules
        In force.
    data : UsageData
    step : callable
    made : Prepared or None
        Decision rows, once they are made.
    parity_rows : int
        As in `planrec.training.learn`.
    """

    config: PlanRecConfig
    project: Path
    artifacts: Path
    trust: Trust
    card: Catalogue
    rules: Rules
    data: UsageData
    step: Step
    made: Prepared | None = None
    parity_rows: int = MATRIX_ROWS

    def snapshot(self) -> Snapshot:
        """Keep the data as a snapshot."""
        store = SnapshotStore.beside(self.artifacts).keyed_by(self.config.decisions, SPEC.name, self.project)
        return take_snapshot(store, self.data)

    def prepared(self) -> Prepared:
        """Return the decision rows, split and audited for leaks; once.

        Raises
        ------
        DataError, LeakageError
            As `prepare_usage`.
        """
        if self.made is None:
            self.made = prepare_usage(self.config, self.card, self.rules, self.data, self.step)
        return self.made

    def train(self, root: Path, snapshot: str) -> Bundle:
        """Check the months, audit for leaks, train, and write the bundle into a root of its own.

        Raises
        ------
        DataError, GateError
            As `check_months`, `prepare_usage` and `write_trained`.
        """
        self.step("checking every month")
        check_months(self.data.months, self.config.lifecycle.accept_periods)
        set_seed(self.config.training.seed)
        prepared = self.prepared()
        refuse_few_months(self.config, self.artifacts, prepared)
        return self.write(prepared, root, snapshot)

    def write(self, prepared: Prepared, root: Path, snapshot: str) -> Bundle:
        """Fit, and write the bundle into a root of its own, as a run that is recorded.

        Raises
        ------
        PortfolioError
            As `write_trained`.
        """
        with recorded_training(self.config, self.project) as run:
            return write_trained(
                self.config,
                self.project,
                prepared,
                snapshot,
                root=root,
                trust=self.trust,
                step=self.step,
                run=run,
                parity_rows=self.parity_rows,
            )

    def judge(self, live: Bundle, challenger: Bundle) -> GateReport:
        """Return what the gate finds."""
        return judged(live, challenger, self.prepared())


def judged(live: Bundle, challenger: Bundle, prepared: Prepared) -> GateReport:
    """Judge a new bundle against the live one, on rows of the new data that neither learnt from.

    Parameters
    ----------
    live, challenger : Bundle
    prepared : Prepared
        The data of the new training; it passed the leak audit.
    """
    config = trained_settings(challenger, PlanRecConfig, SPEC.name)
    first, second = (
        PlanRecBundle(live, trained_settings(live, PlanRecConfig, SPEC.name)),
        PlanRecBundle(challenger, config),
    )
    rows = judged_rows(first, second, prepared)
    proven = [
        Check("leak audit", holds=True, sentence="no column of the new data tells the plan taken."),
        Check("parity", holds=True, sentence="the compiled models answer as the fitted ones."),
    ]
    gate = config.lifecycle.gate
    if len(rows.asked):
        proven += bundle_checks(
            live,
            challenger,
            inputs=(bundle_inputs(first), bundle_inputs(second)),
            ask=(_asking(first, rows, prepared.catalogue), _asking(second, rows, prepared.catalogue)),
            config=gate,
        )
    measures = measures_of(first, second, rows, prepared.catalogue)
    seed = config.training.seed
    return gate_report(live, challenger, measures, rows=rows.words, checks=proven, config=gate, seed=seed)


def bundle_inputs(bundle: PlanRecBundle) -> list[str]:
    """Return what a bundle reads and makes of it, by name: one that lost its offer models answers no offer any more."""
    profile = bundle_profile(bundle.bundle)
    watched = {*profile.numbers, *profile.categories}
    choice = {"choice: current_plan"} if bundle.choice.with_current_plan else set[str]()
    features = {f"feature {name}" for name in bundle.matrix.feature_names}
    offers = {"the log of offers"} if bundle.offers is not None else set[str]()
    return sorted({*watched, *features, *choice, *offers})


def _asking(bundle: PlanRecBundle, rows: JudgedRows, catalogue: Catalogue) -> Callable[[], object]:
    """Return what asks a bundle for advice, as often as takes a measurable time."""
    few = rows.asked.head(1_000)
    return lambda: advised_plans(bundle, few, catalogue)
