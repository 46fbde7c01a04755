"""The commands of the challenger and of what may not come back: challenge, abort, bar, pardon."""

from __future__ import annotations

from typing import Annotated

import typer

from common_utils.command_line.lifecycle.options import (
    ArtifactsOption,
    EvidenceOption,
    FindReleases,
    WhoOption,
    WhyOption,
    author_of,
    expected_of,
    found,
    releases_module,
    say,
)
from common_utils.command_line.options import ConfigOption, SetOption

__all__ = ["add_challenger", "add_pardon"]

_Version = Annotated[str, typer.Argument(help="A version, as `release list` and `release history` name it.")]
_Expect = Annotated[
    str | None,
    typer.Option(
        "--expect", metavar="VERSION", help="Only if this version is the challenger now; 'none': only if there is none."
    ),
]


def add_challenger(app: typer.Typer, find: FindReleases) -> None:
    """Add the commands challenge, abort and bar.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_challenger(app, lambda config, overrides: None)
    >>> [command.name for command in app.registered_commands]
    ['challenge', 'abort', 'bar']
    """

    @app.command("challenge")
    def challenge_(
        version: _Version,
        why: WhyOption,
        who: WhoOption = None,
        expect: _Expect = None,
        evidence: EvidenceOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Make a bundle the challenger; what is live does not change."""
        root, trust = found(find, artifacts, config, overrides)
        releases = releases_module()
        entry = releases.challenge(
            root,
            version,
            author=author_of(who, why),
            expected=expected_of(expect),
            evidence=releases.evidence_of(evidence or ()),
            trust=trust,
        )
        say(f"{version} is the challenger, digest {entry.digest}" if entry else f"{version} was the challenger already")

    @app.command("abort")
    def abort_(
        why: WhyOption,
        who: WhoOption = None,
        expect: _Expect = None,
        evidence: EvidenceOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """End the challenge and bar the challenger's digest; what is live does not change."""
        root, trust = found(find, artifacts, config, overrides)
        releases = releases_module()
        entry = releases.abort(
            root,
            author=author_of(who, why),
            expected=expected_of(expect),
            evidence=releases.evidence_of(evidence or ()),
            trust=trust,
        )
        say(f"{entry.to_version} is barred and there is no challenger, digest {entry.digest}")

    @app.command("bar")
    def bar_(
        version: _Version,
        why: WhyOption,
        who: WhoOption = None,
        evidence: EvidenceOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Keep a version, and every other one with its content, from being promoted or challenging."""
        root, trust = found(find, artifacts, config, overrides)
        releases = releases_module()
        entry = releases.bar(
            root, version, author=author_of(who, why), evidence=releases.evidence_of(evidence or ()), trust=trust
        )
        say(f"{version} is barred, digest {entry.digest}")

    del challenge_, abort_, bar_  # registered by name


def add_pardon(app: typer.Typer, find: FindReleases) -> None:
    """Add the command pardon.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_pardon(app, lambda config, overrides: None)
    >>> [command.name for command in app.registered_commands]
    ['pardon']
    """

    @app.command("pardon")
    def pardon_(
        version: _Version,
        why: WhyOption,
        who: WhoOption = None,
        evidence: EvidenceOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Let a barred version be promoted or challenge again; whoever barred it cannot pardon it."""
        root, trust = found(find, artifacts, config, overrides)
        releases = releases_module()
        entry = releases.pardon(
            root, version, author=author_of(who, why), evidence=releases.evidence_of(evidence or ()), trust=trust
        )
        say(f"{version} is barred no more, digest {entry.digest}")

    del pardon_  # registered by name
