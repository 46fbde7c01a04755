"""Start the service; light to import, so that a server is up before the libraries of a batch job would be."""

from __future__ import annotations

from pathlib import Path

from common_utils.command_line.serve import serve_command
from common_utils.errors import ArtifactError
from planrec.commands.requests import ServeCommand
from planrec.commands.settings import LoadedSettings, load_run
from planrec.config import RULES_VARIABLE, SPEC

__all__ = ["run_serve"]


def run_serve(request: ServeCommand) -> None:
    """Serve a bundle; the app lies in the project's folder.

    Raises
    ------
    ConfigError
        If there is no app of ours in the project's folder, a setting that was said differs from the bundle's, or the
        keys of the decision log are not where the settings say.
    """
    run = load_run(request.settings)
    serving = run.config.serving
    _refuse_other_settings(run, request.bundle)
    rules = request.rules.resolve() if request.rules else serving.rules and run.path(serving.rules)
    serve_command(
        SPEC,
        run.project,
        request.bundle or run.path(run.config.training.artifacts),
        run.config,
        settings_file=request.settings.config,
        environment={
            **({} if rules is None else {RULES_VARIABLE: str(rules)}),
            f"{SPEC.prefix}__OFFERS__EXPLORATION__SHARE": str(run.config.offers.exploration.share),
            f"{SPEC.prefix}__OFFERS__EXPLORATION__FLOOR": str(run.config.offers.exploration.floor),
            **run.said.environment(),
        },
        host=request.host,
        port=request.port,
        workers=request.workers,
    )


def _refuse_other_settings(run: LoadedSettings, bundle: Path | None) -> None:
    """Leave before the start where something said differs from the bundle; the app sees to bundles that come later."""
    if not run.said.decided():
        return
    try:
        run.open_bundle(bundle)
    except ArtifactError:
        return  # there is no bundle yet: the service starts, and says so
