"""Back-quoted dotted names in code and documents: each names something that exists.

Checked is every dotted name in back quotes, in comments, strings and documents, whose first part is ours (a package,
a module, a class or a section of the settings) or nothing that can be imported, as the name of a module that is gone.
It is resolved without importing our code: as a module and what stands in it, as an attribute of a class, or as a path
of settings.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from check_documents import tracked_files
from members import MEMBERS, ROOT, package_of

__all__ = ["QuotedName", "SourceTree", "quoted_names", "unresolved"]

_QUOTED = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\([^`]*\)|=[^`]*)?`(?!`)")
# `config.yaml` is a file, whatever a module is called; `make documents` looks for those.
_FILES = frozenset(
    "crontab csv gz html ini joblib json jsonl lock md npz parquet png py sh sig svg toml txt xlsx yaml yml".split()  # noqa: SIM905
)


@dataclass(frozen=True, order=True)
class QuotedName:
    """A dotted name in back quotes, and where it stands."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: `{self.name}` names nothing that exists"


@dataclass
class _Class:
    """A class by what it holds: the annotation of each attribute, or nothing where there is none."""

    bases: list[str]
    attributes: dict[str, str] = field(default_factory=dict[str, str])


class SourceTree:
    """Modules and classes of some members, read and not imported.

    Parameters
    ----------
    root : Path
        Of the repository.
    members : sequence of str
        Folders with `src/` and perhaps `app/`.
    """

    def __init__(self, root: Path, *members: str) -> None:
        self.packages = {package_of(member) for member in members if member in MEMBERS}
        self.modules: dict[str, ast.Module] = {}
        self.aliases: defaultdict[str, set[str]] = defaultdict(set)
        for member in members:
            for top in (root / member / "src", root / member):
                for path in sorted(top.rglob("*.py") if top.name == "src" else (top / "app").rglob("*.py")):
                    self._add(path, top)

    def _add(self, path: Path, top: Path) -> None:
        parts = path.relative_to(top).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        self.modules[".".join(parts)] = _parsed(path)
        for start in range(len(parts)):
            self.aliases[parts[start]].add(".".join(parts[: start + 1]))

    @cached_property
    def names(self) -> dict[str, set[str]]:
        """What stands on the top level of each module."""
        return {module: set(_top_names(tree)) | self._shown(module) for module, tree in self.modules.items()}

    def _shown(self, module: str) -> set[str]:
        """Return what the face of a package shows; what a module imports has its address elsewhere."""
        if not any(other.startswith(f"{module}.") for other in self.modules):
            return set()
        imports = [node for node in ast.walk(self.modules[module]) if isinstance(node, ast.ImportFrom)]
        return {alias.asname or alias.name for node in imports for alias in node.names}

    @cached_property
    def classes(self) -> dict[str, _Class]:
        """Every class by its name, which is given once."""
        found: dict[str, _Class] = {}
        for tree in self.modules.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    found[node.name] = _class(node)
        return found

    @cached_property
    def settings(self) -> frozenset[str]:
        """Names of the classes whose fields people write in files."""
        known = {"BaseModel"}
        while more := {name for name, its in self.classes.items() if known.intersection(its.bases)} - known:
            known |= more
        return frozenset(known)

    @cached_property
    def sections(self) -> dict[str, list[str]]:
        """Annotations of the settings that hold further settings, by name."""
        found = defaultdict[str, list[str]](list)
        for name in self.settings.intersection(self.classes):
            for attribute, annotation in self.classes[name].attributes.items():
                if self.settings.intersection(_words(annotation)):
                    found[attribute].append(annotation)
        return found

    def is_ours(self, name: str) -> bool:
        """Whether the first part of a dotted name is a package, a module or a section of ours."""
        head = name.split(".")[0]
        return head in self.aliases or head in self.sections or head in self.classes

    def resolves(self, name: str) -> bool:
        """Whether a dotted name names something in the tree."""
        head, *rest = name.split(".")
        if head in self.classes and self._in_class(head, rest):
            return True
        return any(self._in_module(module, rest) for module in self.aliases.get(head, ())) or any(
            self._in_classes(_words(annotation), rest) for annotation in self.sections.get(head, [])
        )

    def _in_module(self, module: str, rest: list[str]) -> bool:
        if not rest:
            return True
        inner = f"{module}.{rest[0]}"
        if (inner in self.modules or inner in self.aliases.get(rest[0], ())) and self._in_module(inner, rest[1:]):
            return True
        if rest[0] not in self.names.get(module, set()):
            return False
        return len(rest) == 1 or self._in_classes([rest[0]], rest[1:])

    def _in_classes(self, names: list[str], rest: list[str]) -> bool:
        if not rest:
            return True
        return any(self._in_class(name, rest) for name in names if name in self.classes)

    def _in_class(self, name: str, rest: list[str]) -> bool:
        own = self.classes[name].attributes
        if rest[0] in own and (len(rest) == 1 or self._in_classes(_words(own[rest[0]]), rest[1:])):
            return True
        return self._in_classes([base for base in self.classes[name].bases if base != name], rest)


def quoted_names(path: Path, shown: str) -> Iterator[QuotedName]:
    """Yield the dotted names in back quotes of a Python file or a document."""
    text = path.read_text(encoding="utf-8")
    for line, piece in _pieces(text) if path.suffix == ".py" else enumerate(text.split("\n"), start=1):
        for found in _QUOTED.finditer(piece):
            if found[1].split(".")[-1] not in _FILES:
                yield QuotedName(shown, line + piece[: found.start()].count("\n"), found[1])


def unresolved(root: Path = ROOT) -> list[QuotedName]:
    """Return the names that name nothing, of all members and of the repository's own documents and scripts."""
    found: list[QuotedName] = []
    everything = SourceTree(root, *MEMBERS)
    trees = {member: SourceTree(root, *dict.fromkeys(("common_utils", member))) for member in MEMBERS}
    for shown in tracked_files(root):
        # A changelog and a decision record tell of what was.
        if not shown.endswith((".py", ".md")) or shown == "CHANGELOG.md" or "/adr/" in shown:
            continue
        tree = trees.get(shown.split("/")[0], everything)
        names = quoted_names(root / shown, shown)
        found += [
            name
            for name in names
            if not tree.resolves(name.name) and (everything.is_ours(name.name) or not _can_be_imported(name.name))
        ]
    return found


@cache
def _can_be_imported(name: str) -> bool:
    return find_spec(name.split(".", maxsplit=1)[0]) is not None


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _top_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def _class(node: ast.ClassDef) -> _Class:
    found = _Class(bases=[word for base in node.bases for word in _words(ast.unparse(base))])
    for inner in ast.walk(node):
        if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
            found.attributes[_alias(inner) or inner.target.id] = ast.unparse(inner.annotation)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found.attributes[inner.name] = ast.unparse(inner.returns) if inner.returns else ""
        elif isinstance(inner, ast.Assign | ast.AnnAssign):
            for target in inner.targets if isinstance(inner, ast.Assign) else [inner.target]:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name | ast.Attribute):
                        found.attributes.setdefault(part.id if isinstance(part, ast.Name) else part.attr, "")
    return found


def _alias(node: ast.AnnAssign) -> str | None:
    """Return the name that a pydantic field has for those who write it, where that is not its own."""
    for keyword in node.value.keywords if isinstance(node.value, ast.Call) else []:
        if keyword.arg == "alias" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return None


def _words(annotation: str) -> list[str]:
    return re.findall(r"\w+", annotation)
