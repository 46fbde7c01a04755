"""No command writes onto what it reads, or twice onto one file: looked at before it starts, for every command."""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from common_utils.command_line.options import holds_parts
from common_utils.errors import ConfigError, PortfolioError
from common_utils.outputs import protect, protecting, same_file

__all__ = [
    "NamedPath",
    "given_again",
    "guard_commands",
    "guarded",
    "keep_settings",
    "path_kinds",
    "refuse_clashes",
    "set_again",
]

Kind = Literal["input", "file", "folder", "either"]
_BUNDLE = "manifest.json"
_PUBLIC_TABLES = "PORTFOLIO_DATA"
_OVERRIDES = "overrides"  # the parameter of --set in every command
_LIVE = "current"  # the pointer in a root of bundles
_given: ContextVar[tuple[NamedPath, ...]] = ContextVar("paths of the running command", default=())
_set: ContextVar[tuple[str, ...]] = ContextVar("settings that the running command overrides", default=())


@dataclass(frozen=True, slots=True)
class NamedPath:
    """A path that a command was given.

    Attributes
    ----------
    name : str
        Of the option, argument or setting.
    path : Path
    kind : {"input", "file", "folder", "either"}
        What is read, or the file or folder that is written; an option that takes either says which by its value.
    """

    name: str
    path: Path
    kind: Kind = "input"


def path_kinds(command: Callable[..., Any]) -> dict[str, tuple[str, Kind]]:
    """Return the option and the kind of each parameter that takes a path.

    What is written is declared with `writable=True`, and with `dir_okay=False` for a file, `file_okay=False` for a
    folder, with neither for a table that may be a folder of parts; everything else is read.

    Examples
    --------
    >>> from typing import Annotated
    >>> def command(usage: Path, output: Annotated[Path, typer.Option("--out", writable=True, dir_okay=False)]): ...
    >>> path_kinds(command)
    {'usage': ('--usage', 'input'), 'output': ('--out', 'file')}
    """
    found: dict[str, tuple[str, Kind]] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        annotation = parameter.annotation
        annotation, *said = get_args(annotation) if get_origin(annotation) is Annotated else [annotation]
        if not _takes_path(annotation):
            continue
        info = next((one for one in said if isinstance(one, OptionInfo | ArgumentInfo)), None)
        kind: Kind = "input"
        if info is not None and info.writable:
            kind = "either" if info.dir_okay and info.file_okay else "folder" if info.dir_okay else "file"
        found[name] = (_spelt(name, info), kind)
    return found


def refuse_clashes(paths: Iterable[NamedPath]) -> None:
    """Refuse outputs that are an input, another output, or lie in a bundle or a table that is read.

    Raises
    ------
    ConfigError
        Naming both options.

    Examples
    --------
    >>> refuse_clashes([NamedPath("--usage", Path("u.csv")), NamedPath("--output", Path("u.csv"), "file")])
    Traceback (most recent call last):
    common_utils.errors.ConfigError: --output u.csv is the same file as --usage; write to another one.
    """
    everything = list(paths)
    outputs = [one for one in everything if one.kind != "input"]
    for number, output in enumerate(outputs):
        others = [one for one in everything if one.kind == "input"] + outputs[number + 1 :]
        for other in others:
            why = _clash(output, other)
            if why:
                raise ConfigError(f"{output.name} {output.path} {why} {other.name}; write to another one.")


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that looks at its paths first, and whose errors name the option of the file they are about.

    Raises
    ------
    ConfigError
        As `refuse_clashes`, before the command starts.
    """
    if getattr(command, "guarded", False):
        return command
    signature = inspect.signature(command, eval_str=True)
    kinds = path_kinds(command)

    @wraps(command)
    def run(**named: Any) -> None:
        paths = tuple(_paths(kinds, named))
        refuse_clashes(paths)
        token, overrides = _given.set(paths), _set.set(tuple(named.get(_OVERRIDES) or ()))
        try:
            with protecting({one.name: one.path for one in paths if one.kind == "input"}):
                command(**named)
        except PortfolioError as error:
            error.args = (_with_option(str(error), paths, signature.parameters), *error.args[1:])
            raise
        finally:
            _given.reset(token)
            _set.reset(overrides)

    run.__signature__ = signature  # type: ignore[attr-defined]
    run.guarded = True  # type: ignore[attr-defined]
    return run


def guard_commands(app: typer.Typer) -> None:
    """Guard every command of a command line and of its groups; a second time changes nothing."""
    for info in app.registered_commands:
        if info.callback is not None:
            info.callback = guarded(info.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            own = group.typer_instance.registered_callback
            if own is not None and own.callback is not None:
                own.callback = guarded(own.callback)
            guard_commands(group.typer_instance)


def keep_settings(settings: object, folder: Path, file: Path | None = None) -> None:
    """Refuse outputs of the running command that are a file the settings name, or the settings themselves.

    Parameters
    ----------
    settings : pydantic model
        Every path in it counts, at any depth.
    folder : Path
        What relative paths count from.
    file : Path, optional
        The settings file.

    Raises
    ------
    ConfigError
        As `refuse_clashes`.
    """
    given = _given.get()
    outputs = [one for one in given if one.kind != "input"]
    if not outputs:
        return
    named = {f"the setting {name}": Path(folder, path) for name, path in _paths_in(settings, "")}
    if file is not None:
        named["the settings file"] = file
    if public := os.environ.get(_PUBLIC_TABLES):
        named[_PUBLIC_TABLES] = Path(public)
    inputs = [one for one in given if one.kind == "input"]
    said = [
        NamedPath(name, path)
        for name, path in named.items()
        if path.exists() and not any(same_file(path, one.path) for one in inputs)
    ]
    protect({one.name: one.path for one in said if not one.path.is_dir()})
    # Some commands count relative outputs from the project's folder, so neither place may be an input.
    moved = [replace(one, path=folder / one.path) for one in outputs if not one.path.is_absolute()]
    refuse_clashes([*said, *outputs])
    for one in moved:
        refuse_clashes([*said, *inputs, one])


def given_again(*options: str) -> str:
    """Return the words with which the running command was given some of its paths, to be typed again.

    Examples
    --------
    >>> given_again("--config")
    ''
    """
    said = [one for one in _given.get() if one.name in options]
    return "".join(f" {one.name} {shlex.quote(str(one.path))}" for one in said)


def set_again(start: str) -> str:
    """Return the words with which the running command was given settings whose names have a start.

    Examples
    --------
    >>> set_again("data.")
    ''
    """
    return "".join(f" --set {shlex.quote(one)}" for one in _set.get() if one.startswith(start))


def _takes_path(annotation: Any) -> bool:
    return annotation is Path or Path in get_args(annotation) or any(_takes_path(one) for one in get_args(annotation))


def _spelt(name: str, info: OptionInfo | ArgumentInfo | None) -> str:
    if isinstance(info, ArgumentInfo):
        return info.metavar or name.upper()
    said = [] if info is None else [info.default, *(info.param_decls or ())]
    return next((one for one in said if isinstance(one, str) and one.startswith("--")), f"--{name.replace('_', '-')}")


def _paths(kinds: Mapping[str, tuple[str, Kind]], named: Mapping[str, Any]) -> Iterator[NamedPath]:
    for name, (option, kind) in kinds.items():
        value = named.get(name)
        for path in value if isinstance(value, list | tuple) else (value,):
            if path is not None:
                written: Kind = "folder" if holds_parts(Path(path)) else "file"
                yield NamedPath(option, Path(path), written if kind == "either" else kind)


def _paths_in(value: object, name: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield name, value
        return
    fields = getattr(type(value), "model_fields", None)
    inner: Iterable[tuple[str, object]] = ()
    if fields is not None:
        inner = ((field, getattr(value, field)) for field in fields)
    elif isinstance(value, Mapping):
        inner = ((str(key), one) for key, one in value.items())
    elif isinstance(value, list | tuple):
        inner = ((str(number), one) for number, one in enumerate(value))
    for field, one in inner:
        yield from _paths_in(one, f"{name}.{field}" if name else field)


def _clash(output: NamedPath, other: NamedPath) -> str | None:
    """Return how two paths get in each other's way, as words between their names; None where they do not."""
    whole, place = os.path.realpath(output.path), os.path.realpath(other.path)
    inside, above = whole.startswith(f"{place}{os.sep}"), place.startswith(f"{whole}{os.sep}")
    is_folder, is_bundle = other.path.is_dir(), (other.path / _BUNDLE).is_file()
    if same_file(output.path, other.path):
        if output.kind == "folder" and is_folder and not is_bundle:
            return None  # what is written there has names of its own: a bundle's, a card's
        return f"is the same {'folder' if is_folder else 'file'} as"
    if other.kind != "input":
        if (inside and other.kind == "file") or (above and output.kind == "file"):
            return "would lie in, or above, the file of"
        return None
    if not inside or not is_folder:
        return None
    if is_bundle or (other.path / _LIVE).is_symlink():
        return "lies in the bundles of"
    if output.kind == "file" and (output.path.exists() or output.path.suffix.lower() == ".parquet"):
        return "lies in the folder of"
    return None


def _with_option(message: str, paths: Iterable[NamedPath], parameters: Iterable[str]) -> str:
    """Return a message with the option before it that it is about, unless it names that already."""
    for one in paths:
        if one.kind == "input" and (str(one.path) in message or one.path.name in message):
            return message if one.name in message else f"{one.name}: {message}"
    return f"--{message}" if message.partition(":")[0] in parameters else message
