"""The command line: which commands there are. Heavy libraries load inside the commands, so that help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common_utils.command_line.decisions import add_outcomes, decisions_app
from common_utils.command_line.release import release_app
from common_utils.command_line.run import run_command_line
from planrec.commands.answer import bill, predict, recommend
from planrec.commands.learn import card, data, evaluate, simulate, train
from planrec.commands.notices import notices
from planrec.commands.off_policy import off_policy
from planrec.commands.requests import SettingsRequest
from planrec.commands.rules import rules
from planrec.commands.serve import serve
from planrec.commands.study import study
from planrec.commands.what_if import draft, what_if

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.decision_log.config import DecisionsConfig

__all__ = ["app", "main"]

app = typer.Typer(
    name="planrec",
    help="Which mobile plan should this subscriber be on, what would they pay, and should they stay?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading Rich would double the time it takes
)
for _command in (simulate, data, bill, recommend, rules, notices, train, evaluate, study, predict, serve, card):
    app.command()(_command)
for _name, _command in (("what-if", what_if), ("draft", draft)):
    app.command(_name)(_command)


def _releases(config: Path | None, overrides: list[str] | None) -> tuple[Path, Trust]:
    from common_utils.releases.config import load_trust
    from planrec.commands.settings import load_run

    run = load_run(SettingsRequest.of(config, overrides))
    return run.path(run.config.training.artifacts), load_trust(run.config.releases, run.project)


app.add_typer(release_app(_releases), name="release")


def _decisions(config: Path | None, overrides: list[str] | None) -> tuple[DecisionsConfig, str, Path]:
    from planrec.commands.settings import load_run

    run = load_run(SettingsRequest.of(config, overrides))
    return run.config.decisions, "planrec", run.project


_decisions_app = decisions_app(_decisions)
_decisions_app.command("off-policy")(off_policy)
app.add_typer(_decisions_app, name="decisions")
add_outcomes(app, _decisions)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "planrec")


if __name__ == "__main__":
    main()
