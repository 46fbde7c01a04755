"""Reading a full card and a billing request: bytes to checked objects, every problem with its key and line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from common_utils.errors import ConfigError
from planrec.billing.cards.accounts import BillRequest
from planrec.billing.cards.checks import refuse_contradictions
from planrec.billing.cards.schema import FullCard
from planrec.billing.cards.yaml_text import Tree, read_tree

__all__ = ["load_card", "load_request", "parse_card", "parse_request"]

_Model = TypeVar("_Model", bound=BaseModel)


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{what} {path}: no such file.") from error
    except OSError as error:
        raise ConfigError(f"{what} {path}: cannot be read ({type(error).__name__}).") from error


def load_card(path: Path) -> FullCard:
    """Read and check a full card.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value is wrong; the message names it.
    """
    return parse_card(read_tree(_read(path, "card"), f"card {path}"), f"card {path}")


def load_request(path: Path) -> BillRequest:
    """Read and check who is billed for which periods.

    Raises
    ------
    ConfigError
        As `load_card`.
    """
    return parse_request(read_tree(_read(path, "accounts"), f"accounts {path}"), f"accounts {path}")


def parse_card(tree: Tree, name: str) -> FullCard:
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
    card = _validated(FullCard, tree, name)
    refuse_contradictions(card, name)
    return card


def parse_request(tree: Tree, name: str) -> BillRequest:
    """Check a billing request given as mappings, lists and text.

    Raises
    ------
    ConfigError
        If a key or a value is wrong.
    """
    return _validated(BillRequest, tree, name)


def _validated(model: type[_Model], tree: Tree, name: str) -> _Model:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        texts = [f"{'.'.join(str(step) for step in p['loc']) or 'file'}: {p['msg']}" for p in problems[:5]]
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ConfigError(f"{name}: {'; '.join(texts)}{more}") from error
