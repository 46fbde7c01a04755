"""Eight kinds of small faults, as people make them, and where each could stand in a module."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spans import Text, places

__all__ = ["KINDS", "Fault", "faults_in", "planted"]

_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
}
_BITS: dict[type[ast.operator], tuple[str, str]] = {ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&")}
_LEAST = ("min", "argmin", "minimum", "any", "floor", "nanmin", "fmin")
_MOST = ("max", "argmax", "maximum", "all", "ceil", "nanmax", "fmax")
_EXTREMES = dict(zip(_LEAST + _MOST, _MOST + _LEAST, strict=True))
_AVERAGES = {"mean": "sum", "sum": "mean", "nanmean": "nansum", "median": "mean", "cumsum": "cumprod"}
# Whose arguments may change places: nothing to find out, or nothing but an error at once.
_EITHER_WAY = frozenset(
    {
        *(
            "max",
            "min",
            "maximum",
            "minimum",
            "fmax",
            "fmin",
            "add",
            "multiply",
            "logical_and",
            "logical_or",
            "gcd",
            "lcm",
        ),
        *("array_equal", "allclose", "isclose", "hypot", "union1d", "intersect1d", "hasattr", "getattr", "setattr"),
        *("field", "print", "dict", "TypedDict", "NamedTuple", "issubclass"),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that could be planted: the bytes from `start` to `end` become `text`."""

    kind: str
    inside: str
    start: int
    end: int
    text: str


Change = tuple[int, int, str]


def faults_in(source: bytes) -> Iterator[Fault]:
    r"""Yield every fault that could stand in a module, in the order of its text.

    Examples
    --------
    >>> [(fault.kind, fault.text) for fault in faults_in(b"def free(left):\n    return left < 1\n")]
    [('comparison', '<='), ('constant', '2'), ('constant', '0')]
    """
    text = Text(source)
    for node, inside in places(ast.parse(source)):
        for kind, changes in KINDS.items():
            for start, end, put in changes(node, text):
                yield Fault(kind, inside, start, end, put)


def planted(source: bytes, fault: Fault) -> bytes | None:
    """Return the module with a fault in it; None if that cannot be parsed or means the same as before."""
    put = source[: fault.start] + fault.text.encode() + source[fault.end :]
    try:
        return put if ast.dump(ast.parse(put)) != ast.dump(ast.parse(source)) else None
    except SyntaxError:
        return None


def _word(text: Text, words: tuple[str, str], start: int, end: int) -> Iterator[Change]:
    place = text.find(words[0], start, end)
    if place is not None:
        yield place, place + len(words[0]), words[1]


def _comparison(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for number, operator in enumerate(node.ops):
            if type(operator) in _COMPARED:
                yield from _word(
                    text, _COMPARED[type(operator)], text.end(sides[number]), text.start(sides[number + 1])
                )


def _constant(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = node.value
        steps = (value + 1, value - 1) if isinstance(value, int) else (2 * value, value / 2) if value else ()
        yield from ((text.start(node), text.end(node), repr(step)) for step in steps if step >= 0)


def _number(node: ast.AST) -> bool:
    """Whether a sum with this part may be one of numbers, not of text or lists."""
    return not (isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Constant) and _text(node))


def _text(node: ast.AST) -> bool:
    return not isinstance(node, ast.Constant) or isinstance(node.value, str | bytes)


def _dropped(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and _number(node.left) and _number(node.right):
        kept = [node.left, node.right] if isinstance(node.op, ast.Add | ast.Mult) else [node.left]
        yield from ((text.start(node), text.end(node), text.alone(side)) for side in kept)


def _operator(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and _number(node.left) and _number(node.right):
        yield from _word(text, _ARITHMETIC[type(node.op)], text.end(node.left), text.start(node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield text.start(node), text.end(node), text.alone(node.operand)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield from _word(text, _ARITHMETIC[type(node.op)], text.end(node.target), text.start(node.value))


def _condition(node: ast.AST, text: Text) -> Iterator[Change]:
    start, end = (text.start(node), text.end(node)) if isinstance(node, ast.expr) else (0, 0)
    if isinstance(node, ast.BoolOp):
        parts = [text.alone(value) for value in node.values]
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        yield start, end, f"({f' {other} '.join(parts)})"
        for number in range(len(parts)):
            yield start, end, f"({f' {word} '.join(parts[:number] + parts[number + 1 :])})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _BITS:
        yield from _word(text, _BITS[type(node.op)], text.end(node.left), text.start(node.right))
        yield from ((start, end, text.alone(side)) for side in (node.left, node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield start, end, text.alone(node.operand)


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _renamed(node: ast.Call, text: Text, name: str, other: str) -> Change:
    end = text.end(node.func)
    return end - len(name.encode()), end, other


def _extreme(node: ast.AST, text: Text) -> Iterator[Change]:
    name = _called(node)
    if isinstance(node, ast.Call) and name in _EXTREMES:
        yield _renamed(node, text, name, _EXTREMES[name])
    if isinstance(node, ast.keyword) and node.arg == "axis":
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, int):
            yield text.start(value), text.end(value), "0" if value.value else "1"
        elif isinstance(value, ast.UnaryOp):
            yield text.start(value), text.end(value), "0"
    if isinstance(node, ast.keyword) and node.arg == "side" and isinstance(node.value, ast.Constant):
        yield text.start(node.value), text.end(node.value), '"left"' if node.value.value == "right" else '"right"'


def _average(node: ast.AST, text: Text) -> Iterator[Change]:
    name = _called(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and name in _AVERAGES:
        yield _renamed(node, text, name, _AVERAGES[name])
    if isinstance(node, ast.Call) and name in {"std", "var"}:
        freedom = [one.value for one in node.keywords if one.arg == "ddof"]
        if freedom:
            yield text.start(freedom[0]), text.end(freedom[0]), "0" if text.of(freedom[0]) != "0" else "1"
        else:
            close = text.end(node) - 1
            yield close, close, ", ddof=1" if node.args or node.keywords else "ddof=1"
        yield _renamed(node, text, name, {"std": "var", "var": "std"}[name])


def _order(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.IfExp):
        yield (
            text.start(node),
            text.end(node),
            f"({text.alone(node.orelse)} if {text.of(node.test)} else {text.alone(node.body)})",
        )
    elif isinstance(node, ast.Call):
        pair = node.args[1:3] if _called(node) == "where" else node.args[:2]
        if (
            len(pair) == 2
            and not any(isinstance(one, ast.Starred) for one in pair)
            and _called(node) not in _EITHER_WAY
        ):
            yield _swapped(pair, text)
        if _called(node) == "sorted":
            yield text.start(node), text.end(node), f"[*reversed({text.of(node)})]"
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        yield _swapped(node.value.elts, text)
    elif isinstance(node, ast.Slice) and node.step is not None and text.of(node.step) == "-1":
        yield text.start(node.step), text.end(node.step), "1"


def _swapped(pair: list[ast.expr], text: Text) -> Change:
    one, other = pair
    between = text.source[text.end(one) : text.start(other)].decode()
    return text.start(one), text.end(other), f"{text.of(other)}{between}{text.of(one)}"


KINDS: dict[str, Callable[[ast.AST, Text], Iterator[Change]]] = {
    "comparison": _comparison,
    "constant": _constant,
    "dropped term": _dropped,
    "sign, operator": _operator,
    "condition": _condition,
    "axis, extreme": _extreme,
    "mean, ddof": _average,
    "order": _order,
}
"""Kind of fault: what could be changed at a node."""
