"""Promises that every command line keeps, found by walking its commands: a new command is held to them by itself."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.models import OptionInfo

from common_utils.command_line.clashes import guarded, path_kinds
from common_utils.errors import ConfigError

__all__ = [
    "INPUTS",
    "CommandOf",
    "clash_faults",
    "commands_of",
    "groups_that_run",
    "heavy_help",
    "undeclared_paths",
    "wrong_values",
]

INPUTS = {
    *("--config", "--data", "--input", "--bundle", "--artifacts", "--usage", "--plans", "--plan", "--draft", "--card"),
    *("--accounts", "--events", "--cells", "--billed", "--full-card", "--rules", "--check", "--sent", "--verify"),
    *("--operator", "--evidence"),
}
"""Options that name something to read; every other path has to be declared as written (`writable=True`)."""

_HEAVY = (
    *("pandas", "sklearn", "numpy", "pyarrow", "pandera", "scipy", "duckdb", "matplotlib", "fastapi", "rich"),
    *("pydantic", "yaml", "mlflow", "sqlalchemy"),
)
_HELP = """
import contextlib, io, sys
from {package} import cli
from common_utils.testing.command_lines import commands_of, groups_that_run
runs = groups_that_run(cli.app)
every = [command.words for command in commands_of(cli.app)]
asked = {{command[:length] for command in every for length in range(len(command) + 1)}}
for words in sorted(asked, key=lambda words: (len(words) > 1 and words[0] in runs, words)):
    sys.argv = ["{package}", *words, "--help"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.main()
    for library in {heavy}:
        if library in sys.modules and not (library == "pydantic" and len(words) > 1 and words[0] in runs):
            print(" ".join(sys.argv), "imports", library)
"""


@dataclass(frozen=True)
class CommandOf:
    """A command of a command line.

    Attributes
    ----------
    words : tuple of str
        What is typed, for example `("release", "list")`.
    function : callable
    """

    words: tuple[str, ...]
    function: Callable[..., None]


def commands_of(app: typer.Typer, words: tuple[str, ...] = ()) -> Iterator[CommandOf]:
    """Yield every command, those of groups included, and groups that do something without a further word.

    Examples
    --------
    >>> app = typer.Typer()
    >>> @app.command("what-if")
    ... def what_if() -> None: ...
    >>> [command.words for command in commands_of(app)]
    [('what-if',)]
    """
    for info in app.registered_commands:
        if info.callback is not None:
            yield CommandOf((*words, info.name or info.callback.__name__.rstrip("_")), info.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            name = group.name if isinstance(group.name, str) else group.typer_instance.info.name
            own = group.typer_instance.registered_callback
            if (
                group.typer_instance.info.invoke_without_command is True
                and own is not None
                and own.callback is not None
            ):
                yield CommandOf((*words, str(name)), own.callback)
            yield from commands_of(group.typer_instance, (*words, str(name)))


def groups_that_run(app: typer.Typer) -> set[str]:
    """Return the groups that do something without a further word.

    Typer reads the options of such a group, by pydantic, before it shows the help of a further word.

    Examples
    --------
    >>> app = typer.Typer()
    >>> app.add_typer(typer.Typer(name="monitor", invoke_without_command=True))
    >>> app.add_typer(typer.Typer(name="release"))
    >>> groups_that_run(app)
    {'monitor'}
    """
    groups = [group.typer_instance.info for group in app.registered_groups if group.typer_instance is not None]
    return {str(info.name) for info in groups if info.invoke_without_command is True}


def undeclared_paths(app: typer.Typer) -> list[str]:
    """Return the options that take a path and are neither declared as written nor known to be read."""
    return [
        f"{' '.join(command.words)} {option}: declare it writable, or add it to INPUTS"
        for command in commands_of(app)
        for option, kind in path_kinds(command.function).values()
        if kind == "input" and option not in INPUTS
    ]


def clash_faults(app: typer.Typer, folder: Path) -> list[str]:
    """Return outputs that a command does not refuse though another of its options names the same file.

    Parameters
    ----------
    app : Typer
    folder : Path
        Empty, to make files in.
    """
    there = folder / "there.csv"
    there.write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "link.csv").symlink_to("there.csv")
    (folder / "dangling.csv").symlink_to("new.csv")
    os.link(there, folder / "hard.csv")
    pairs = [
        (there, there),
        (there, folder / "link.csv"),
        (there, folder / "hard.csv"),
        (folder / "new.csv", folder / "none" / ".." / "new.csv"),
        (folder / "new.csv", folder / "dangling.csv"),
    ]
    faults: list[str] = []
    for command in commands_of(app):
        kinds = path_kinds(command.function)
        for output, (option, kind) in kinds.items():
            for other, (named, _) in kinds.items():
                if kind in ("file", "either") and other != output:
                    faults += [
                        f"{' '.join(command.words)}: {option} {first.name} and {named} {second.name}"
                        for first, second in [*pairs, *((b, a) for a, b in pairs)]
                        if not _refused(command, {output: first, other: second}, (option, named))
                    ]
    return faults


def wrong_values(app: typer.Typer) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield words that hold a wrong value for an option, and that option."""
    for command in commands_of(app):
        for name, parameter in inspect.signature(command.function, eval_str=True).parameters.items():
            if get_origin(parameter.annotation) is not Annotated:
                continue
            kind, info = get_args(parameter.annotation)[:2]
            kinds = [one for one in (get_args(kind) or (kind,)) if one is not type(None)]
            plain = kinds in ([bool], [str], [Path]) or any(get_origin(one) is list for one in kinds)
            if plain or not isinstance(info, OptionInfo):
                continue
            said = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
            option = next((one for one in said if one.startswith("--")), f"--{name}")
            yield from (((*command.words, option, value), option) for value in _wrong(kind, kinds, info))


def _wrong(kind: Any, kinds: list[Any], info: OptionInfo) -> Iterator[str]:
    yield "nonsense"
    if get_origin(kind) is Literal or any(isinstance(one, type) and issubclass(one, Enum) for one in kinds):
        yield ""
    if float in kinds:
        yield from ("nan", "inf", "1,5")
    if info.min is not None:
        yield str(info.min - 1)
    if info.max is not None:
        yield str(info.max + 1)


class _BeganError(Exception):
    """The command was not refused."""


def _refused(command: CommandOf, given: dict[str, Path], names: tuple[str, str]) -> bool:
    def begin(**named: object) -> None:
        raise _BeganError(named)

    begin.__signature__ = inspect.signature(command.function, eval_str=True)  # type: ignore[attr-defined]
    try:
        guarded(begin)(**given)
    except ConfigError as error:
        return all(name in str(error) for name in names)
    except _BeganError:
        return False
    raise AssertionError(f"{command.words}: neither refused nor begun")


def heavy_help(package: str) -> list[str]:
    """Return which libraries `--help` imports that it does not need, for the command line of a package.

    The command line is `<package>.cli`, with `app` and `main`; it runs in a process of its own.
    """
    code = _HELP.format(package=package, heavy=_HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    return done.stdout.splitlines() if done.returncode == 0 else [done.stderr]
