"""`planrec serve`: a bundle over HTTP."""

from __future__ import annotations

from common_utils.command_line.options import BundleOption, SetOption
from planrec.commands.options import ConfigOption, HostOption, PortOption, ServedRulesOption, WorkersOption
from planrec.commands.requests import ServeCommand, SettingsCommand

__all__ = ["serve"]


def serve(
    host: HostOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
    bundle: BundleOption = None,
    rules: ServedRulesOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Serve a bundle over HTTP; /docs shows how to ask."""
    from planrec.commands.run.serve import run_serve

    run_serve(ServeCommand(SettingsCommand.of(config, overrides), host, port, workers, bundle, rules))
