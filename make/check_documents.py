"""Check what tracked files promise a reader: links, files, commands, make targets, and that nothing names one machine.

`make documents` runs it on the repository. Every finding says where, what, and what to do; any finding is exit code 1.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from documents import Code, Document, code_in_strings, read_document
from named import command_lines, missing_command, named_files, unknown_file

__all__ = ["Finding", "check", "main", "make_targets", "tracked_files"]

ROOT = Path(__file__).resolve().parents[1]
# Written so that no pattern matches its own text: this file is checked too.
PRIVATE = {
    "the host of a package or image registry": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|anaconda|crates|rubygems|maven)\.(?:org|com|io)\b"
        r"|\bproxy\.golang\b|\b(?:docker|ghcr|quay|gcr)\.io\b"
    ),
    "an address of a package index": re.compile(r"(?:index[-_]url|find[-_]links|trusted[-_]host)[\s\"':=]+\S*[:/.]\S"),
    "a folder of one machine": re.compile(r"(?<![\w.~$}{*-])/(?:work|root)/|(?<![\w.~$}{*-])/(?:home|Users)/\w"),
}
ADDRESS = re.compile(r"\w+://\S+|^\s*--(?:index|extra|find|trusted)\S*")
SAME_START = 45  # characters after which two entries of a changelog tell different things
SHELL_SPLIT = frozenset("();<>|&")


@dataclass(frozen=True, order=True)
class Finding:
    """Something a reader would stumble over."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def tracked_files(root: Path) -> list[str]:
    """Return the paths of all files Git knows or would add, relative to `root`, sorted."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sorted({name for name in listed.split("\0") if name and (root / name).is_file()})


@cache
def make_targets(folder: Path) -> frozenset[str]:
    """Return the phony targets of a folder's Makefile, asked of make itself; none where there is no Makefile."""
    if not (folder / "Makefile").is_file():
        return frozenset()
    command = ["make", "-C", str(folder), "--print-data-base", "--question", "--no-builtin-rules", "no-such-target"]
    database = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    phony = re.search(r"^\.PHONY: (.*)$", database, re.MULTILINE)
    return frozenset(phony[1].split() if phony else ())


def check(root: Path) -> list[Finding]:
    """Return all findings in a work tree, sorted by path and line."""
    files = tracked_files(root)
    documents = {name: read_document(root / name) for name in files if name.endswith(".md")}
    code = {name: document.code for name, document in documents.items()}
    # Messages name targets too; tests name wrong ones on purpose.
    sources = [name for name in files if name.endswith(".py") and "tests" not in PurePosixPath(name).parts]
    code |= {name: code_in_strings((root / name).read_text(encoding="utf-8")) for name in sources}
    # A changelog tells what was; its files and commands may be gone. A test's case describes its own folder.
    now = [name for name in documents if name != "CHANGELOG.md" and "tests" not in PurePosixPath(name).parts]
    named = _check_named({name: code[name] for name in now} | _comments(root, files), files, root)
    return sorted(
        [
            *_check_links(documents, files),
            *_check_make_targets(code, root),
            *named,
            *_check_changelog(root, files),
            *_check_lines(root, files),
        ]
    )


def _comments(root: Path, files: Sequence[str]) -> dict[str, list[Code]]:
    """Return the comments of settings files, which name files and commands as documents do."""
    found: dict[str, list[Code]] = {}
    for name in files:
        if PurePosixPath(name).match("configs/*.yaml"):
            lines = enumerate((root / name).read_text(encoding="utf-8").splitlines(), start=1)
            found[name] = [Code(line.partition("#")[2].strip(), number) for number, line in lines if "#" in line]
    return found


def _check_named(code_by_file: dict[str, list[Code]], files: Sequence[str], root: Path) -> Iterator[Finding]:
    """Look up each file and each command of ours that code in a document names."""
    for name, pieces in code_by_file.items():
        for code in pieces:
            for number, text in enumerate(code.text.splitlines(), start=code.line):
                for file in named_files(text):
                    if unknown_file(file, name, files, root):
                        yield Finding(name, number, f"`{file}` is named, but there is no such file; correct the path")
                for words in _commands(text):
                    if missing := missing_command(words, command_lines(root)):
                        message = f"`{missing}` is named, but there is no such command; see `{words[0]} --help`"
                        yield Finding(name, number, message)


def _check_links(documents: dict[str, Document], files: Sequence[str]) -> Iterator[Finding]:
    """Follow relative links to files Git knows: a link into an ignored folder is broken in a fresh clone."""
    known = {"."} | {str(parent) for name in files for parent in (PurePosixPath(name), *PurePosixPath(name).parents)}
    for name, document in documents.items():
        for link in document.links:
            parts = urlsplit(link.address)
            if parts.scheme or parts.netloc:
                continue
            target = _resolve(name, unquote(parts.path))
            if target not in known:
                message = f"link {link.address!r} leads nowhere; correct it, or add the file to Git"
                yield Finding(name, link.line, message)
            elif target in documents and parts.fragment and unquote(parts.fragment) not in documents[target].anchors:
                headings = sorted(documents[target].anchors)[:5]
                message = f"link {link.address!r}: {target} has no such heading; it has {headings}"
                yield Finding(name, link.line, message)


def _resolve(document: str, path: str) -> str:
    """Return a link's path from the repository's root; one that leaves it keeps its `..` and so is unknown."""
    if not path:
        return document
    start = PurePosixPath() if path.startswith("/") else PurePosixPath(document).parent
    parts: list[str] = []
    for part in (start / path.lstrip("/")).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def _check_make_targets(code_by_file: dict[str, list[Code]], root: Path) -> Iterator[Finding]:
    """Compare each target named in code with what make knows in the folder named, the document's own or the root's."""
    for name, pieces in code_by_file.items():
        own = [root / parent for parent in PurePosixPath(name).parents]
        for code in pieces:
            for line, folders, target in _make_calls(code):
                candidates = [base / folder for base in own for folder in folders]
                if not any(target in make_targets(folder.resolve()) for folder in candidates):
                    where = " or ".join(sorted(set(folders) - {"."})) or "any Makefile above this file"
                    message = f"`make {target}` is named, but there is no such target in {where}; see `make help`"
                    yield Finding(name, line, message)


def _make_calls(code: Code) -> Iterator[tuple[int, list[str], str]]:
    """Yield line, folders it may run in, and target of each call of make; `cd` counts to the end of the block."""
    folders = ["."]
    for offset, text in enumerate(code.text.splitlines()):
        for words in _commands(text):
            if words[0] == "cd" and len(words) > 1:
                folders = [".", words[1]]
            elif words[0] == "make":
                named, targets = _make_arguments(words[1:])
                for target in targets:
                    yield code.line + offset, [named] if named else folders, target


def _commands(line: str) -> Iterator[list[str]]:
    """Split a shell line into its commands, without prompts and variable settings before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # prose with an apostrophe is not a command
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= SHELL_SPLIT:
            if command:
                yield command
            command = []
        elif command or not (word in ("$", "time") or re.fullmatch(r"\w+=.*", word)):
            command.append(word)


def _make_arguments(words: Iterable[str]) -> tuple[str | None, list[str]]:
    """Return the folder of -C and the targets; options and variables are left out, and so are placeholders."""
    folder, targets, rest = None, list[str](), iter(words)
    for word in rest:
        if word == "-C":
            folder = next(rest, None)
        elif re.fullmatch(r"[A-Za-z0-9][\w-]*", word):
            targets.append(word)
    return folder, targets


def _check_changelog(root: Path, files: Sequence[str]) -> Iterator[Finding]:
    """Find entries that begin alike: Git keeps both wordings of an entry that a branch rewrote (`merge=union`)."""
    for name in (name for name in files if PurePosixPath(name).name == "CHANGELOG.md"):
        first: dict[str, int] = {}
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), start=1):
            start = line[:SAME_START]
            if line.startswith("- ") and len(start) == SAME_START and first.setdefault(start, number) != number:
                yield Finding(name, number, f"the entry begins as that of line {first[start]} does; keep one of them")


def _check_lines(root: Path, files: Sequence[str]) -> Iterator[Finding]:
    for name in files:
        try:
            lines = (root / name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:  # an image, not a text
            continue
        is_lock = re.search(r"requirements[\w-]*\.(?:txt|lock)$", name) is not None
        for number, line in enumerate(lines, start=1):
            for what, pattern in PRIVATE.items():
                if found := pattern.search(line):
                    yield Finding(name, number, f"{found[0]!r} is {what}; take it out, it is not the reader's")
            if is_lock and (found := ADDRESS.search(line)):
                yield Finding(name, number, f"a lock holds no address ({found[0]!r}); write it with `make lock`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings of a work tree; return 1 if there are any, else 0."""
    parser = argparse.ArgumentParser(
        description="Check links, files, commands, make targets and private names in tracked files."
    )
    parser.add_argument("root", nargs="?", type=Path, default=ROOT)
    root = parser.parse_args(arguments).root.resolve()
    findings = check(root)
    for finding in findings:
        print(finding, file=sys.stderr)
    print(f"documents: {len(findings)} finding(s) in {len(tracked_files(root))} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
