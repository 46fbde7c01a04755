"""The command line every project on one table has. Heavy libraries load inside the commands, so that help is quick."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from common_utils.command_line.clashes import keep_settings
from common_utils.command_line.decisions import add_decisions
from common_utils.command_line.lifecycle.lifecycle import lifecycle_app
from common_utils.command_line.lifecycle.places import LifecyclePlaces
from common_utils.command_line.lifecycle.release import release_app
from common_utils.command_line.lifecycle.snapshots import add_snapshots, data_group, holders_of
from common_utils.command_line.options import (
    BundleOption,
    ConfigOption,
    DataOption,
    FileNameOption,
    FormOption,
    OutputOption,
    SetOption,
)
from common_utils.command_line.reading import reads_table
from common_utils.command_line.run import command_line
from common_utils.command_line.tracking.runs import runs_app
from common_utils.command_line.wide import shows_tables
from common_utils.table_project.watch.command_line import add_watch

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.config.project import ProjectSpec
    from common_utils.datasets.snapshot import Snapshot
    from common_utils.datasets.store import SnapshotStore
    from common_utils.decision_log.desk import Desk
    from common_utils.table_project.config import TableProjectConfig
    from common_utils.table_project.task import TableTask
    from common_utils.tables import Reading
    from common_utils.tracking.config import TrackingConfig

__all__ = ["InputOption", "settings_of", "table_cli"]

Settings = TypeVar("Settings", bound="TableProjectConfig")

InputOption = Annotated[Path, typer.Option("--input", help="Table of records, CSV or Parquet.")]
_Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", writable=True, file_okay=False, help="Folder that gets configs/; created if it is missing."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def settings_of(
    spec: ProjectSpec[Settings], config: Path | None, overrides: list[str] | None, data: Path | None = None
) -> tuple[Settings, Path]:
    """Return the settings a command runs with, and the project's folder.

    Parameters
    ----------
    spec : ProjectSpec
    config, overrides, data
        What `--config`, `--set` and `--data` gave.

    Raises
    ------
    ConfigError
        As `ProjectSpec.load`.
    """
    given = list(overrides or [])
    if data is not None:
        given.append(f"data.file={data.resolve()}")
    folder = spec.folder(config)
    settings = spec.load(folder, explicit=config, overrides=given)
    keep_settings(settings, folder, spec.settings_file(folder, explicit=config))
    return settings, folder


def table_cli(
    name: str, question: str, spec: Callable[[], ProjectSpec[Settings]], task: Callable[[], TableTask[Settings]]
) -> typer.Typer:
    """Return the command line of a project on one table; the project may add commands of its own.

    Parameters
    ----------
    name : str
        Of the command.
    question : str
        What the project answers, in one sentence.
    spec : callable
        Imports and returns the project's `ProjectSpec`; called by commands when they run, since settings take a while
        to import and help does not need them.
    task : callable
        Imports and returns the project's `TableTask`; called by the commands that need it.

    Examples
    --------
    >>> from common_utils.config.project import ProjectSpec
    >>> from common_utils.table_project.config import TableProjectConfig
    >>> spec = ProjectSpec("demo", "Demo", "What?", TableProjectConfig)
    >>> app = table_cli("demo", "What?", lambda: spec, lambda: None)
    >>> sorted(command.callback.__name__ for command in app.registered_commands)
    ['card', 'columns', 'evaluate', 'explain', 'init', 'outcomes', 'predict', 'retrain', 'serve', 'train']
    """
    app = command_line(name, question)
    _add_learning(app, spec, task)
    _add_card(app, spec, task)
    _add_answers(app, spec, task)
    _add_serve(app, spec)

    @app.command()
    def init(folder: _Folder) -> None:
        """Write the settings to DIR/configs; edit them and run the other commands in DIR."""
        from common_utils.config.packaged import write_defaults

        for path in write_defaults(name, folder):
            typer.echo(path)

    @app.command()
    @shows_tables
    def columns(*, file: FileNameOption = None, form: FormOption = "table") -> None:
        """Show the data dictionary: every column read or written, with type, unit, meaning, when it may be empty."""
        from common_utils.table_project.data_dictionary import run_columns

        run_columns(task(), file, form)

    del init, columns  # registered by name

    def releases(config: Path | None, overrides: list[str] | None) -> tuple[Path, Trust]:
        from common_utils.releases.config import load_trust

        settings, folder = settings_of(spec(), config, overrides)
        return _artifacts(settings, folder), load_trust(settings.releases, folder)

    def decisions(config: Path | None, overrides: list[str] | None) -> Desk:
        from common_utils.decision_log.desk import Desk

        settings, folder = settings_of(spec(), config, overrides)
        return Desk(settings.decisions, name, folder, settings.data.table, holders_of(_artifacts(settings, folder)))

    def take(
        store: SnapshotStore, config: Path | None, overrides: list[str] | None, data: Path | None, reading: Reading
    ) -> Snapshot:
        from common_utils.table_project.source import snapshot_of_settings

        settings, folder = settings_of(spec(), config, overrides, data)
        return snapshot_of_settings(task(), settings, folder, store, reading=reading)

    def places(config: Path | None, overrides: list[str] | None) -> LifecyclePlaces:
        settings, folder = settings_of(spec(), config, overrides)
        asked = (config, overrides)
        folders = (settings.monitoring.folder, settings.lifecycle.folder, settings.tracking.folder)
        monitoring, retraining, runs = (folder / one for one in folders)
        accepted = settings.lifecycle.accept_periods
        return LifecyclePlaces(*releases(*asked), monitoring, decisions(*asked), retraining, runs, accepted)

    def runs(config: Path | None, overrides: list[str] | None) -> tuple[TrackingConfig, str, Path, Path, Trust]:
        settings, folder = settings_of(spec(), config, overrides)
        return settings.tracking, name, folder, *releases(config, overrides)

    app.add_typer(add_snapshots(data_group(), releases, take))
    app.add_typer(release_app(releases), name="release")
    app.add_typer(runs_app(runs), name="runs")
    app.add_typer(lifecycle_app(releases, places, runs), name="lifecycle")
    add_decisions(app, decisions)
    add_watch(app, partial(_settings, spec), task)
    return app


def _settings(
    spec: Callable[[], ProjectSpec[Settings]],
    config: Path | None,
    overrides: list[str] | None,
    data: Path | None = None,
) -> tuple[Settings, Path]:
    return settings_of(spec(), config, overrides, data)


def _add_learning(
    app: typer.Typer, spec: Callable[[], ProjectSpec[Settings]], task: Callable[[], TableTask[Settings]]
) -> None:
    @app.command()
    @shows_tables
    @reads_table
    def train(
        *,
        reading: Reading,
        data: DataOption = None,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output",
                writable=True,
                file_okay=False,
                help="Root of the bundles; default: the configured artifacts.",
            ),
        ] = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Train, compare with the baselines, write a verified bundle and make it current."""
        settings, folder = settings_of(spec(), config, overrides, data)
        _commands().run_train(task(), settings, folder, output, reading=reading)

    @app.command()
    @shows_tables
    @reads_table
    def evaluate(
        *,
        reading: Reading,
        as_json: _Json = False,
        bundle: BundleOption = None,
        data: DataOption = None,
        output: Annotated[
            Path | None,
            typer.Option("--output", writable=True, dir_okay=False, help="Also write the tables as Markdown."),
        ] = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Measure a bundle again on the rows set aside, and print the goal table.

        A bundle is measured with the settings it was trained with; --data names another copy of the table. A refitted
        bundle shows its figures from before.
        """
        settings, folder = settings_of(spec(), config, overrides, data)
        _commands().run_evaluate(task(), settings, folder, bundle, as_json=as_json, output=output, reading=reading)

    del train, evaluate  # registered by name


def _add_card(
    app: typer.Typer, spec: Callable[[], ProjectSpec[Settings]], task: Callable[[], TableTask[Settings]]
) -> None:
    @app.command()
    def card(
        bundle: BundleOption = None,
        output: Annotated[
            Path | None,
            typer.Option("--output", writable=True, file_okay=False, help="Folder to write; default: docs."),
        ] = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Write model card, data card and figures of a bundle, and the README's results."""
        settings, folder = settings_of(spec(), config, overrides)
        _commands().run_card(task(), settings, folder, bundle, output)

    del card  # registered by name


def _add_answers(
    app: typer.Typer, spec: Callable[[], ProjectSpec[Settings]], task: Callable[[], TableTask[Settings]]
) -> None:
    @app.command()
    @reads_table
    def predict(
        *,
        reading: Reading,
        input_: InputOption,
        output: OutputOption,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Write one answer for each record of a table: id or row number, prediction, probability or interval."""
        settings, folder = settings_of(spec(), config, overrides)
        _commands().run_predict(task(), settings, folder, input_, output, bundle, reading=reading)

    @app.command()
    @reads_table
    def explain(
        *,
        reading: Reading,
        input_: InputOption,
        row: Annotated[int, typer.Option("--row", min=1, help="Record to explain; the first is 1.")] = 1,
        as_json: _Json = False,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Explain one record's score in words, by contributions that add up to it."""
        settings, folder = settings_of(spec(), config, overrides)
        _commands().run_explain(task(), settings, folder, input_, bundle, row=row, as_json=as_json, reading=reading)

    del predict, explain  # registered by name


def _add_serve(app: typer.Typer, spec: Callable[[], ProjectSpec[Settings]]) -> None:
    @app.command()
    def serve(
        host: Annotated[str | None, typer.Option("--host", help="Overrides serving.host.")] = None,
        port: Annotated[
            int | None, typer.Option("--port", min=0, max=65535, help="Overrides serving.port; 0 takes a free one.")
        ] = None,
        workers: Annotated[
            int | None, typer.Option("--workers", min=1, max=64, help="Overrides serving.workers.")
        ] = None,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Serve a bundle over HTTP; /docs shows how to ask."""
        from common_utils.command_line.serve import serve_command

        settings, folder = settings_of(spec(), config, overrides)
        serve_command(
            spec(),
            folder,
            bundle or _artifacts(settings, folder),
            settings,
            settings_file=config,
            host=host,
            port=port,
            workers=workers,
        )

    del serve  # registered by name


def _commands() -> ModuleType:
    """Return what the commands do, loaded when one runs."""
    from common_utils.table_project import commands

    return commands


def _artifacts(settings: TableProjectConfig, folder: Path) -> Path:
    """Return the configured root of the bundles."""
    return folder / settings.training.artifacts  # an absolute path stays as it is
