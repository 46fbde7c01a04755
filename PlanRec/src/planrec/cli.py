"""The command line: which commands there are. Heavy libraries load inside the commands, so that help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.decisions import add_decisions
from common_utils.command_line.lifecycle.lifecycle import lifecycle_app
from common_utils.command_line.lifecycle.places import LifecyclePlaces
from common_utils.command_line.lifecycle.release import release_app
from common_utils.command_line.lifecycle.retrain import RetrainCommand, add_retrain
from common_utils.command_line.lifecycle.snapshots import add_snapshots, holders_of
from common_utils.command_line.run import command_line, run_command_line
from common_utils.command_line.tracking.runs import runs_app
from planrec.commands.answer import bill, predict, recommend
from planrec.commands.choices import choices
from planrec.commands.columns import columns
from planrec.commands.learn import card, evaluate, simulate, train
from planrec.commands.notices import notices
from planrec.commands.off_policy import off_policy
from planrec.commands.plans import add_plans
from planrec.commands.requests import SettingsCommand
from planrec.commands.rules import rules
from planrec.commands.serve import serve
from planrec.commands.snapshots import data, take_snapshot
from planrec.commands.study import study
from planrec.commands.watch.bias import bias
from planrec.commands.watch.monitor import monitor
from planrec.commands.what_if import draft, what_if

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.decision_log.desk import Desk
    from common_utils.tracking.config import TrackingConfig
    from planrec.commands.settings import LoadedSettings

__all__ = ["app", "main"]

app = command_line(
    "planrec", "Which mobile plan should this subscriber be on, what would they pay, and should they stay?"
)
for _command in (
    simulate,
    bill,
    recommend,
    rules,
    notices,
    train,
    evaluate,
    study,
    choices,
    predict,
    serve,
    card,
    columns,
):
    app.command()(_command)
for _name, _command in (("what-if", what_if), ("draft", draft)):
    app.command(_name)(_command)
add_plans(app)
app.add_typer(monitor)
app.add_typer(bias)


@app.command()
def init(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", writable=True, file_okay=False, help="Folder that gets configs/; created if it is missing."
        ),
    ],
) -> None:
    """Write settings, rate cards, rules and the simulator's parameters to DIR/configs; edit them and work in DIR."""
    from common_utils.config.packaged import write_defaults
    from planrec.config import SPEC

    for path in write_defaults(SPEC.name, folder):
        typer.echo(path)


def _run(config: Path | None, overrides: list[str] | None) -> LoadedSettings:
    from planrec.commands.settings import load_run

    return load_run(SettingsCommand.of(config, overrides))


def _releases(config: Path | None, overrides: list[str] | None) -> tuple[Path, Trust]:
    from common_utils.releases.config import load_trust

    run = _run(config, overrides)
    return run.path(run.config.training.artifacts), load_trust(run.config.releases, run.project)


def _decisions(config: Path | None, overrides: list[str] | None) -> Desk:
    from common_utils.decision_log.desk import Desk

    run = _run(config, overrides)
    holders = holders_of(run.path(run.config.training.artifacts))
    return Desk(run.config.decisions, "planrec", run.project, run.config.data.table, holders)


def _places(config: Path | None, overrides: list[str] | None) -> LifecyclePlaces:
    run = _run(config, overrides)
    folders = (run.config.monitoring.folder, run.config.lifecycle.folder, run.config.tracking.folder)
    monitoring, retraining, runs = map(run.path, folders)
    accepted = run.config.lifecycle.accept_periods
    decisions = _decisions(config, overrides)
    return LifecyclePlaces(*_releases(config, overrides), monitoring, decisions, retraining, runs, accepted)


def _runs(config: Path | None, overrides: list[str] | None) -> tuple[TrackingConfig, str, Path, Path, Trust]:
    run = _run(config, overrides)
    return run.config.tracking, "planrec", run.project, *_releases(config, overrides)


def _retrain(asked: RetrainCommand) -> None:
    from planrec.commands.watch.retraining import run_retrain

    run_retrain(asked)


add_retrain(app, _retrain)
app.add_typer(add_snapshots(data, _releases, take_snapshot))
app.add_typer(release_app(_releases), name="release")
app.add_typer(runs_app(_runs), name="runs")
app.add_typer(lifecycle_app(_releases, _places, _runs), name="lifecycle")
add_decisions(app, _decisions).command("off-policy")(off_policy)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "planrec")


if __name__ == "__main__":
    main()
