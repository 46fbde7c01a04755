"""Reading a full card and a billing request: bytes to checked objects, every problem with its key and line."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common_utils.config import suggest_key
from common_utils.config.forms import form_of
from common_utils.config.yaml_text import Location, line_of
from common_utils.errors import ConfigError
from planrec.billing.cards.accounts import BillRequest
from planrec.billing.cards.checks import refuse_contradictions
from planrec.billing.cards.schema import FullCard
from planrec.billing.cards.short_form import in_full
from planrec.billing.cards.yaml_text import MarkedTree, Tree, read_marked_tree

__all__ = ["accounts_lines", "load_request", "parse_card", "parse_request", "read_card_tree"]

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_TOLD = 5
_A_SUBSCRIBER = 2  # keys down to one, under `subscribers`
_WORDS = {  # what pydantic says, and what to write; the first that begins a message holds
    "Field required": "is missing; it must be told",
    "Input should be a valid dictionary": "write keys below it, each as `key: value`",
    "Input should be a valid tuple": "write a list, one `- ` a row or in brackets",
    "Input should be a valid date or datetime, ": "no such day: ",
    "Input should be greater than or equal to ": "write no less than ",
    "Input should be less than or equal to ": "write no more than ",
    "Input should be a valid ": "write a ",
    "Input should be ": "write ",
}


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{what} {path}: no such file.") from error
    except OSError as error:
        raise ConfigError(f"{what} {path}: cannot be read ({type(error).__name__}).") from error


def read_card_tree(path: Path) -> MarkedTree:
    """Return a card's file as mappings, lists and text with their lines.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not YAML.
    """
    return read_marked_tree(_read(path, "card"), f"card {path}")


def load_request(path: Path) -> BillRequest:
    """Read and check who is billed for which periods.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value is wrong; the message names it.
    """
    return parse_request(read_marked_tree(_read(path, "accounts"), f"accounts {path}"), f"accounts {path}")


@contextmanager
def accounts_lines(path: Path) -> Generator[None]:
    """Give refusals of what accounts hold, which begin with their key, the name and line of the accounts' file."""
    try:
        yield
    except ConfigError as error:
        said = str(error)
        if not said.startswith("subscribers."):
            raise
        marked = read_marked_tree(_read(path, "accounts"), f"accounts {path}")
        places = {f"subscribers.{at[1]}": at for at in marked.lines if len(at) == _A_SUBSCRIBER}
        fits = [key for key in places if said.startswith((f"{key}.", f"{key}:")) and key.startswith("subscribers.")]
        key = max(fits, key=len, default="")
        rest = re.findall(r"[^.\[\]]+", said.removeprefix(key).partition(":")[0])
        where = (*places.get(key, ()), *(int(part) if part.isdigit() else part for part in rest))
        raise ConfigError(f"accounts {path}: line {line_of(marked.lines, where)}, {said}") from error


def parse_card(tree: Tree | MarkedTree, name: str) -> FullCard:
    """Check a card given as mappings, lists and text.

    Raises
    ------
    ConfigError
        If a key or a value is wrong, or rows contradict each other.

    Examples
    --------
    >>> plan = {"plan_id": "a", "fee": "9.50"}
    >>> tree = {"version": "v1", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}
    >>> card = parse_card(tree, "card")
    >>> str(card.plans[0].fee)
    '9.5'
    """
    marked = in_full(tree if isinstance(tree, MarkedTree) else MarkedTree(tree), name)
    card = _validated(FullCard, marked, name)
    refuse_contradictions(card, name, marked.lines)
    return card


def parse_request(tree: Tree | MarkedTree, name: str) -> BillRequest:
    """Check a billing request given as mappings, lists and text.

    Raises
    ------
    ConfigError
        If a key or a value is wrong.
    """
    return _validated(BillRequest, tree, name)


def _validated(model: type[_Model], given: Tree | MarkedTree, name: str) -> _Model:
    marked = given if isinstance(given, MarkedTree) else MarkedTree(given)
    try:
        return model.model_validate(marked.tree)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        places = [problem["loc"] for problem in found]
        # A list is too short only because what stands in it is wrong, which is told.
        problems = [
            one
            for one, at in zip(found, places, strict=True)
            if one["type"] != "too_short" or not any(p != at and p[: len(at)] == at for p in places)
        ]
        texts = [_problem(model, problem, marked) for problem in problems[:_MOST_TOLD]]
        more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        raise ConfigError(f"{name}: {'; '.join(texts)}{more}") from error


def _written(tree: Tree, where: Location) -> Location:
    """Return the part of a location that the file has.

    A bare price is read as a list of one slot; the file holds no such list, so the location ends at the price.
    """
    for depth, part in enumerate(where):
        if not isinstance(tree, (dict, list)):
            return where[:depth]
        if isinstance(tree, dict):
            tree = tree.get(str(part), {})
        else:
            tree = tree[part] if isinstance(part, int) and part < len(tree) else {}
    return where


def _in_words(said: str) -> str:
    """Return what to write in place of what was expected."""
    begin = next((begin for begin in _WORDS if said.startswith(begin)), "")
    rest = "" if _WORDS.get(begin, "").endswith(("`", "told", "brackets")) else said.removeprefix(begin)
    return _WORDS.get(begin, "") + rest


def _problem(model: type[BaseModel], problem: ErrorDetails, marked: MarkedTree) -> str:
    where = _written(marked.tree, problem["loc"])
    line = f"line {line_of(marked.lines, where)}, " if marked.lines else ""
    said = form_of(problem) or _in_words(problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "extra_forbidden":
        last = str(where[-1])
        said = (
            f"unknown key {last!r}; was a decimal comma written before it? Numbers take a point, as in 7.3"
            if last.isdigit()
            else f"unknown key; {suggest_key(model, tuple(part for part in where if isinstance(part, str)))}"
        )
    return f"{line}{'.'.join(map(str, where)) or 'file'}: {said}"
