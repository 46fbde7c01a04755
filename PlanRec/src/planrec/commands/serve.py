"""`planrec serve`: a bundle over HTTP."""

from __future__ import annotations

from planrec.commands.options import (
    BundleOption,
    ConfigOption,
    HostOption,
    PortOption,
    ServedRulesOption,
    SetOption,
    WorkersOption,
)
from planrec.commands.requests import ServeRequest, SettingsRequest

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

    run_serve(ServeRequest(SettingsRequest.of(config, overrides), host, port, workers, bundle, rules))
