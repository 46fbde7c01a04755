"""The `release` commands of every project: parse, call one function of `releases`, show what it returned.

A project adds them with one line, `add_typer(release_app(find), name="release")`, where `find` says where its
bundles lie and whose signatures count.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common_utils.command_line.lifecycle.challenger import add_challenger, add_pardon
from common_utils.command_line.lifecycle.options import (
    NONE,
    ArtifactsOption,
    ExpectOption,
    FindReleases,
    JsonOption,
    WhoOption,
    WhyOption,
    author_of,
    expected_of,
    found,
    print_json,
    releases_module,
    say,
    show,
)
from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.run import Group
from common_utils.errors import ConfigError, ReleaseError

if TYPE_CHECKING:
    from common_utils.bundle import Bundle
    from common_utils.errors import ArtifactError
    from common_utils.releases import ReleaseStanding

__all__ = ["release_app"]


def release_app(find: FindReleases) -> typer.Typer:
    """Return the commands that publish, choose what is live and what challenges it, and show the history.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.

    Examples
    --------
    >>> app = release_app(lambda config, overrides: (Path("artifacts"), None))
    >>> sorted(command.name for command in app.registered_commands)
    ['abort', 'bar', 'challenge', 'history', 'list', 'pardon', 'promote', 'publish', 'rollback']
    """
    app = typer.Typer(
        cls=Group,
        help="Choose which bundle is live and which challenges it: publish, promote, roll back, bar; read the history.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_changes(app, find)
    add_challenger(app, find)
    add_pardon(app, find)
    _add_views(app, find)
    return app


def _add_changes(app: typer.Typer, find: FindReleases) -> None:
    @app.command("publish")
    def publish_(
        bundle: Annotated[Path, typer.Option("--bundle", help="A bundle, or a root of bundles: then its live bundle.")],
        why: WhyOption,
        who: WhoOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Put a bundle into the artifacts root, whole or not at all; the live bundle does not change."""
        root, trust = found(find, artifacts, config, overrides)
        published = releases_module().publish(root, bundle, author=author_of(who, why), trust=trust)
        say(f"published {published.version}")

    @app.command("promote")
    def promote_(
        version: Annotated[str, typer.Argument(help="A bundle of the artifacts root.")],
        why: WhyOption,
        who: WhoOption = None,
        expect: ExpectOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Make a bundle the live one."""
        root, trust = found(find, artifacts, config, overrides)
        entry = releases_module().promote(
            root, version, author=author_of(who, why), expected=expected_of(expect), trust=trust
        )
        say(f"{version} is live, digest {entry.digest}" if entry else f"{version} was live already")

    @app.command("rollback")
    def rollback_(
        *,
        why: WhyOption,
        unrecorded: Annotated[
            bool,
            typer.Option("--unrecorded", help="Move the pointer alone, without record or lock."),
        ] = False,
        to: Annotated[
            str | None, typer.Option("--to", metavar="VERSION", help="With --unrecorded: the version to go back to.")
        ] = None,
        who: WhoOption = None,
        expect: ExpectOption = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Make the previously live version live again, and bar the one that was live.

        If the record's chain is broken, the disk is full or another change holds the lock, add --unrecorded.
        """
        root, trust = found(find, artifacts, config, overrides)
        author = author_of(who, why)
        if unrecorded:
            done = releases_module().rollback_unrecorded(root, author=author, to=to, expected=expect, trust=trust)
            say(f"{done.to_version} is live, not recorded yet: the next change does it, and bars {done.from_version}")
            if not done.marked:
                sys.stderr.write(f"the disk kept no note: run `release bar {done.from_version} --why ...` later\n")
            return
        if to is not None:
            raise ConfigError("--to: give it with --unrecorded, or promote the version by its name.")
        entry = releases_module().rollback(root, author=author, expected=expected_of(expect), trust=trust)
        say(f"{entry.to_version} is live, digest {entry.digest}; {entry.from_version} is barred")


def _add_views(app: typer.Typer, find: FindReleases) -> None:
    @app.command("history")
    def history_(
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Verify the history's chain, then show who made which bundle live or the challenger, when and why."""
        root, _ = found(find, artifacts, config, overrides)
        if not root.is_dir():
            raise ReleaseError(f"{root}: there is no such folder. Name an artifacts root.")
        stands = releases_module().standing_of(root)
        entries = [asdict(entry) for entry in stands.entries]
        if as_json:
            print_json(
                {
                    "live": stands.live,
                    "challenger": stands.challenger,
                    "barred": list(stands.barred or ()),
                    "entries": entries,
                }
            )
            return
        show(("number", "at", "action", "from_version", "to_version", "who", "why"), entries)
        last = entries[-1]["digest"] if entries else NONE
        say(f"live: {stands.live or NONE}; challenger: {stands.challenger or NONE}; last digest: {last}")
        if stands.barred:
            say(f"barred: {', '.join(stands.barred)}")

    @app.command("list")
    def list_(
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show every bundle of the artifacts root, verified, and which is live, challenges, or is barred."""
        root, trust = found(find, artifacts, config, overrides)
        releases = releases_module()
        names = releases.versions(root, trust=trust)
        try:
            stands = releases.standing_of(root)
        except ReleaseError as error:  # a broken record hides no bundle
            sys.stderr.write(f"barred bundles are not known: {error}\n")
            stands = releases.standing_of(root, record=False)
        rows = [_row(name, bundle, stands, _data_states(root, bundle)) for name, bundle in names]
        if as_json:
            print_json(rows)
        else:
            show(("version", "live", "challenger", "barred", "data", "created", "signed_by", "refused"), rows)

    del history_, list_  # registered by name


def _data_states(root: Path, bundle: Bundle | ArtifactError) -> str | None:
    """Say of a bundle's training data whether it is there, missing or withdrawn; `data verify` reads its bytes."""
    from common_utils.datasets.store import SnapshotStore

    return None if isinstance(bundle, Exception) else SnapshotStore.beside(root).state_of(bundle)


def _row(name: str, bundle: Bundle | ArtifactError, stands: ReleaseStanding, data: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "version": name,
        "live": name == stands.live,
        "challenger": name == stands.challenger,
        "barred": stands.bars(name),
        "data": data,
        "created": None,
        "signed_by": None,
        "refused": None,
    }
    if isinstance(bundle, Exception):
        return row | {"refused": str(bundle)}
    return row | {"created": bundle.manifest["created"], "signed_by": bundle.signed_by}
