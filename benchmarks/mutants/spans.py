"""Where the pieces of a module stand in its text, in bytes, and which of them a fault may be planted in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["Text", "places"]

_PLAIN = ast.Name | ast.Call | ast.Attribute | ast.Constant | ast.Subscript | ast.Tuple | ast.List
# Calls that speak to the type checker or to people: a fault in them changes no answer.
_SILENT = frozenset(
    {"cast", "TypeVar", "ParamSpec", "warn", "getLogger", "debug", "info", "warning", "Field", "isinstance"}
)


class Text:
    """The text of a module.

    Parameters
    ----------
    source : bytes
        UTF-8, as in the file: positions count bytes, as those of `ast` do.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node begins."""
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: S101, PT018 - set by `ast.parse`
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of a node."""
        return self.source[self.start(node) : self.end(node)].decode()

    def alone(self, node: ast.expr) -> str:
        """Return the text of an expression such that it can stand in the place of another."""
        return self.of(node) if isinstance(node, _PLAIN) else f"({self.of(node)})"

    def find(self, word: str, start: int, end: int) -> int | None:
        """Return where a word begins between two positions; None where there is none, or a comment is in the way."""
        between = self.source[start:end].decode()
        place = between.find(word)
        return None if place < 0 or "#" in between else start + len(between[:place].encode())

    def lines(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the whole lines between which two positions lie."""
        first = max(begin for begin in self.starts if begin <= start)
        return first, min(begin for begin in self.starts if begin >= max(end, start + 1))


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every node a fault may be planted in, and the function or class it stands in.

    Left out are annotations, decorators, docstrings and other bare strings, imports, assertions, `raise` statements,
    formatted text, lists of public names, and what only the type checker reads.
    """
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, inside = stack.pop()
        if isinstance(node, ast.expr | ast.stmt | ast.keyword):
            yield node, inside
        name = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) else ""
        within = ".".join(part for part in (inside, name) if part)
        stack.extend((child, within) for child in reversed(list(_children(node))) if not _left_out(child))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.keyword) and node.arg in {"axis", "ddof"}:
        return  # they have kinds of their own
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        items: list[object] = value if isinstance(value, list) else [value]
        yield from (item for item in items if isinstance(item, ast.AST))


def _left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert | ast.JoinedStr):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    if isinstance(node, ast.Call):
        called = node.func
        return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _SILENT
    return False
