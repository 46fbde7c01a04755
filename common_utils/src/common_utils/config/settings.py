"""Settings: defaults in the class < YAML file < environment < `--set`; an unknown key stops the run in each of them.

pydantic-settings is not used: it ignores unknown environment names, reads `os.environ` only and forgets which
source a value came from, which is the first thing the reader of an error needs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from common_utils.config.forms import BOOLEAN, form_of, odd_values, section_of
from common_utils.config.packaged import packaged_path
from common_utils.config.sources import Layers, environment_settings, parse_scalar, read_settings_file
from common_utils.errors import ConfigError

__all__ = ["BaseConfig", "dump_config", "find_config", "load_config", "resolve_path", "said_settings", "suggest_key"]

_MOST_REPORTED = 5
_NEAR = 0.6  # difflib's own threshold for a close match


class BaseConfig(BaseModel):
    """Base of every section of a configuration: frozen, unknown keys forbidden, no NaN or infinity.

    Use tuples rather than lists in fields: freezing a section does not freeze a list inside it.

    Examples
    --------
    >>> class SplitConfig(BaseConfig):
    ...     test_months: int = 2
    >>> SplitConfig().test_months
    2
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, hide_input_in_errors=True
    )


T = TypeVar("T", bound=BaseConfig)


def find_config(
    explicit: Path | None, *, env_name: str, default: Path, environ: Mapping[str, str] | None = None
) -> Path:
    """Return the configuration file: the explicit one, else the one the environment names, else the default.

    Parameters
    ----------
    explicit : Path or None
        What `--config` gave.
    env_name : str
        For example `PLANREC_CONFIG`; set but empty counts as not set.
    default : Path
        For example `configs/config.yaml`.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If the file that was asked for, or the default, is not there; nothing else is tried in its place.

    Examples
    --------
    >>> find_config(None, env_name="PLANREC_CONFIG", default=Path("no/config.yaml"), environ={})
    Traceback (most recent call last):
    common_utils.errors.ConfigError: no configuration: no/config.yaml (the default) is not a file. Name one \
with --config or PLANREC_CONFIG.
    """
    named = (os.environ if environ is None else environ).get(env_name)
    if explicit is not None:
        path, source = explicit, "from --config"
    elif named:
        path, source = Path(named), f"from {env_name}"
    else:
        path, source = default, "the default"
    if not path.is_file():
        raise ConfigError(f"no configuration: {path} ({source}) is not a file. Name one with --config or {env_name}.")
    return path


def load_config(
    model: type[T],
    *,
    path: Path | None,
    sections: Mapping[str, Path] | None = None,
    env_prefix: str,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> T:
    """Return the settings of a project, merged from all sources and validated.

    Mappings are merged key by key, anything else is replaced. Values in the environment and in overrides
    are read as YAML (`7`, `true`, `[a, b]`); where the setting takes only text, `007` stays text. A boolean is true or
    false, as in every YAML file here; `yes`, `on` and `1` are refused.

    Parameters
    ----------
    model : type of BaseConfig
        Holds the defaults.
    path : Path or None
        YAML file; None for none.
    sections : mapping of str to Path, optional
        Section -> YAML file that holds its keys; `path` and all later sources override it.
    env_prefix : str
        "PLANREC" for `PLANREC__TRAINING__SEED=7`; letter case does not matter, and keys of free
        mappings become lower case. `PLANREC_CONFIG`, with a single underscore, names the file and is not a setting.
    overrides : sequence of str
        `training.seed=7`; later ones win.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If a key is unknown or a value does not fit. At most five are listed, each with its dotted key and
        where it came from; values of environment variables are not repeated.

    Examples
    --------
    >>> class Training(BaseConfig):
    ...     seed: int = 42
    >>> load_config(Training, path=None, env_prefix="X", overrides=["seed=7"], environ={"X__SEED": "1"})
    Training(seed=7)
    >>> load_config(Training, path=None, env_prefix="X", environ={"X__SEDE": "7"})
    Traceback (most recent call last):
    common_utils.errors.ConfigError: 1 setting is invalid:
    sede (from X__SEDE): unknown setting; did you mean 'seed'?
    """
    layers = Layers()
    for section, file in (sections or {}).items():
        content, lines = read_settings_file(file)
        layers.put((section,), content, str(file), lines)
    if path is not None:
        content, lines = read_settings_file(path)
        layers.put((), content, str(path), lines)
    secrets: dict[tuple[str, ...], str] = {}
    for said in _said(model, env_prefix, overrides, environ):
        layers.put(said.key, said.value, said.origin)
        if said.secret is not None:
            secrets[said.key] = said.secret
    try:
        filled = model.model_validate(layers.tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    else:
        details = [
            ErrorDetails(type="form", loc=key, msg=form, input=None) for key, form in odd_values(model, layers.tree)
        ]
        if not details:
            return filled
    # Not chained: the cause would repeat values that may be secrets.
    raise ConfigError(_report(model, details, layers, secrets)) from None


def said_settings(
    model: type[BaseConfig],
    *,
    env_prefix: str,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> dict[tuple[str, ...], str]:
    """Return which settings the environment and the overrides say, whatever a file says: what is asked for this run.

    Parameters
    ----------
    model, env_prefix, overrides, environ
        As `load_config`.

    Returns
    -------
    dict of tuple of str to str
        Key of each single value, and where it was said: the variable, or `--set` and the key.

    Raises
    ------
    ConfigError
        If an override or a variable cannot be read. Values are not checked; `load_config` does that.

    Examples
    --------
    >>> class Training(BaseConfig):
    ...     seed: int = 42
    >>> said_settings(Training, env_prefix="X", overrides=["seed=7"], environ={"X__SEED": "1"})
    {('seed',): '--set seed'}
    """
    layers = Layers()
    for said in _said(model, env_prefix, overrides, environ):
        layers.put(said.key, said.value, said.origin)
    return layers.origins


class _Said(NamedTuple):
    key: tuple[str, ...]
    value: object
    origin: str
    secret: str | None  # the text, where it came from the environment


def _said(
    model: type[BaseConfig], env_prefix: str, overrides: Sequence[str], environ: Mapping[str, str] | None
) -> Iterator[_Said]:
    """Yield what the environment says, then what the overrides say."""
    for name, parts, text in environment_settings(os.environ if environ is None else environ, env_prefix):
        key, annotation = _resolve(model, parts, fold_case=True)
        yield _Said(key, _typed(text, annotation, name), name, text)
    for override in overrides:
        dotted, equals, text = override.partition("=")
        key, annotation = _resolve(model, tuple(dotted.strip().split(".")), fold_case=False)
        if not equals or not all(key):
            raise ConfigError(f"--set {dotted!r}: write section.key=value, for example --set training.seed=7.")
        yield _Said(key, _typed(text, annotation, f"--set {dotted}"), f"--set {dotted}", None)


def dump_config(config: BaseModel) -> str:
    """Return the settings as YAML, keys in the order the classes declare them; reading it back gives the same.

    Examples
    --------
    >>> class SplitConfig(BaseConfig):
    ...     test_months: int = 2
    ...     folds: int = 5
    >>> print(dump_config(SplitConfig()), end="")
    test_months: 2
    folds: 5
    """
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def resolve_path(base: Path, path: Path) -> Path:
    """Return `path` as seen from `base`, the project's folder; an absolute path stays as it is.

    A file below `configs/` that is not there is the one that the project's wheel brought along, if there is one.

    Examples
    --------
    >>> resolve_path(Path("/srv/planrec"), Path("configs/plans.yaml")).as_posix()
    '/srv/planrec/configs/plans.yaml'
    """
    own = base / path
    return own if own.exists() else packaged_path(path) or own


def _resolve(model: type[BaseModel], parts: Sequence[str], *, fold_case: bool) -> tuple[tuple[str, ...], Any]:
    """Return the key with field names as declared, and the annotation of what it names (None if unknown)."""
    section: type[BaseModel] | None = model
    key: list[str] = []
    annotation: Any = None
    for part in parts:
        fields = section.model_fields if section else {}
        name = next((field for field in fields if field.lower() == part.lower()), part.lower()) if fold_case else part
        annotation = fields[name].annotation if name in fields else None
        section = section_of(annotation) if name in fields else section
        key.append(name)
    return tuple(key), annotation


def _typed(text: str, annotation: Any, source: str) -> object:
    value = parse_scalar(text, source)
    accepted = set(get_args(annotation)) if get_origin(annotation) in (UnionType, Union) else {annotation}
    only_text = accepted <= {str, Path, type(None)} and accepted & {str, Path}
    if isinstance(value, str) or not only_text or (value is None and type(None) in accepted):
        return value
    return text


def _known(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield above + name
        section = section_of(field.annotation)
        if section:
            yield from _known(section, f"{above}{name}.")


def _report(
    model: type[BaseModel], details: list[ErrorDetails], layers: Layers, secrets: Mapping[tuple[str, ...], str]
) -> str:
    lines = [f"{len(details)} setting{'s are' if len(details) > 1 else ' is'} invalid:"]
    for detail in details[:_MOST_REPORTED]:
        key = tuple(map(str, detail["loc"]))
        missing = detail["type"] == "missing"
        sources = [] if missing else layers.sources(key)
        origin = f"from {', '.join(sources)}" if sources else "set nowhere" if missing else "by default"
        lines.append(f"{'.'.join(key) or 'all'} ({origin}): {_reason(model, key, detail, secrets)}")
    if len(details) > _MOST_REPORTED:
        lines.append(f"and {len(details) - _MOST_REPORTED} more")
    return "\n".join(lines)


def _reason(
    model: type[BaseModel], key: tuple[str, ...], detail: ErrorDetails, secrets: Mapping[tuple[str, ...], str]
) -> str:
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown setting; {suggest_key(model, key)}"
        case "missing":
            return "required; give it in the configuration file"
        case "string_type":
            return f"{message}; put quotes round it"
        case "string_pattern_mismatch":
            return form_of(detail) or message
        case "bool_type" | "bool_parsing":
            return BOOLEAN
        case "value_error" | "assertion_error" | "union_tag_invalid":  # these may repeat the value
            for where, secret in secrets.items():
                if secret.strip() and where[: len(key)] == key[: len(where)]:
                    message = re.sub(rf"(?<!\w){re.escape(secret.strip())}(?!\w)", "***", message)
            return message
        case _:
            return message


def suggest_key(model: type[BaseModel], key: tuple[str, ...]) -> str:
    """Return, for an unknown key, the nearest known one or what is known in its section.

    Parameters
    ----------
    model : type of pydantic model
    key : tuple of str
        Its parts, from the top.

    Examples
    --------
    >>> class Training(BaseConfig):
    ...     seed: int = 42
    >>> suggest_key(Training, ("sede",)), suggest_key(Training, ("folds",))
    ("did you mean 'seed'?", 'known here: seed')
    """
    known = [name for name in _known(model) if name.split(".") != list(key[: name.count(".") + 1])]
    likeness = {name: _likeness(key, name) for name in known}
    nearest = max(known, key=lambda name: likeness[name], default="")
    if nearest and likeness[nearest][0] >= _NEAR:
        return f"did you mean {nearest!r}?"
    here = ".".join(key[:-1])
    siblings = [name for name in known if name.rpartition(".")[0] == here]
    return f"known here: {', '.join(siblings[:_MOST_REPORTED]) or 'nothing'}"


def _likeness(key: tuple[str, ...], known: str) -> tuple[float, float]:
    """Return how near a known key is: by its last part or as a whole, then as a whole to settle ties."""
    whole = SequenceMatcher(None, ".".join(key), known).ratio()
    return max(whole, SequenceMatcher(None, key[-1], known.rpartition(".")[2]).ratio()), whole
