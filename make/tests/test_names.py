"""One name, one thing: a class is defined once among the packages and services."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from members import MEMBERS

# Projects of one shape name one role alike: the section `model` of each one's settings, what each one's /predict
# answers. No project imports another, so that none sees two.
COMMON_SHAPE = {"ModelConfig", "PredictResponse"}


def defined(root: Path, *members: str) -> dict[str, list[str]]:
    """Return where every public class stands, and every type alias or other thing of a class's name that is listed."""
    classes, others = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for member in members:
        for path in sorted([*(root / member / "src").rglob("*.py"), *(root / member / "app").rglob("*.py")]):
            for name, is_class in _names(ast.parse(path.read_text(encoding="utf-8"))):
                (classes if is_class else others)[name].append(str(path.relative_to(root)))
    return {name: places + others[name] for name, places in classes.items()}


def twice(names: dict[str, list[str]]) -> list[str]:
    """Return what stands in two places, and pairs that differ by a plural alone."""
    found = [f"{name}: {', '.join(places)}" for name, places in sorted(names.items()) if len(places) > 1]
    return found + [f"{name} and {name}s" for name in sorted(names) if f"{name}s" in names]


def _names(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    listed = {
        constant.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant)
    }
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, True
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from ((t.id, False) for t in targets if isinstance(t, ast.Name) and t.id in listed)


def test_every_class_is_defined_once(root: Path) -> None:
    names = defined(root, *MEMBERS)
    assert len(names) > 300
    assert twice({name: places for name, places in names.items() if name not in COMMON_SHAPE}) == []


def test_what_projects_of_one_shape_share_stands_once_in_each(root: Path) -> None:
    for member in MEMBERS:
        names = defined(root, "common_utils", member) if member != "common_utils" else defined(root, member)
        assert twice(names) == []


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        pytest.param("class Ledger: ...\n", "class Ledger: ...\n", "Ledger: ", id="two-classes"),
        pytest.param(
            "class Ledger: ...\n", "__all__ = ['Ledger']\nLedger = dict[str, int]\n", "Ledger: ", id="class-and-alias"
        ),
        pytest.param("class Answer: ...\n", "class Answers: ...\n", "Answer and Answers", id="plural"),
    ],
)
def test_a_name_of_two_things_is_told(tmp_path: Path, first: str, second: str, fault: str) -> None:
    for name, text in (("a", first), ("b", second)):
        (tmp_path / "House" / "src").mkdir(parents=True, exist_ok=True)
        (tmp_path / "House" / "src" / f"{name}.py").write_text(text)
    assert any(found.startswith(fault) for found in twice(defined(tmp_path, "House")))
