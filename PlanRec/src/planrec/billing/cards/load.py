"""Reading a full card and a billing request: bytes to checked objects, every problem with its key and line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common_utils.config import suggest_key
from common_utils.config.forms import form_of
from common_utils.config.yaml_text import line_of
from common_utils.errors import ConfigError
from planrec.billing.cards.accounts import BillRequest
from planrec.billing.cards.checks import refuse_contradictions
from planrec.billing.cards.schema import FullCard
from planrec.billing.cards.short_form import in_full
from planrec.billing.cards.yaml_text import MarkedTree, Tree, read_marked_tree

__all__ = ["load_request", "parse_card", "parse_request", "read_card_tree"]

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_TOLD = 5


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
    card = _validated(FullCard, in_full(tree if isinstance(tree, MarkedTree) else MarkedTree(tree), name), name)
    refuse_contradictions(card, name)
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
        problems = error.errors(include_url=False, include_input=False)
        texts = [_problem(model, problem, marked) for problem in problems[:_MOST_TOLD]]
        more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        raise ConfigError(f"{name}: {'; '.join(texts)}{more}") from error


def _problem(model: type[BaseModel], problem: ErrorDetails, marked: MarkedTree) -> str:
    where = problem["loc"]
    line = f"line {line_of(marked.lines, where)}, " if marked.lines else ""
    said = form_of(problem) or problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        said = f"unknown key; {suggest_key(model, tuple(part for part in where if isinstance(part, str)))}"
    return f"{line}{'.'.join(map(str, where)) or 'file'}: {said}"
