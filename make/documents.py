"""What the repository's checks need to know of a document: its links, its anchors, its code."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["Code", "Document", "Link", "code_in_strings", "read_document"]

# Blocks in these languages hold no shell commands.
NOT_SHELL = {"json", "make", "makefile", "mermaid", "python", "toml", "yaml"}


@dataclass(frozen=True)
class Link:
    """The address of a link or image, and the line of its paragraph, counted from 1."""

    address: str
    line: int


@dataclass(frozen=True)
class Code:
    """Inline code or a block of shell lines, and the line it starts at, counted from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Document:
    """Links, anchors (as GitHub names them) and code of one Markdown file."""

    links: list[Link]
    anchors: set[str]
    code: list[Code]


def read_document(path: Path) -> Document:
    """Parse a Markdown file.

    Parameters
    ----------
    path : Path
        An existing file in UTF-8.

    References
    ----------
    Anchors: lower case, punctuation dropped, spaces to hyphens, repeats numbered, as GitHub renders headings.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    return Document(links=list(_links(tokens)), anchors=set(_anchors(tokens)), code=list(_code(tokens)))


def code_in_strings(source: str) -> list[Code]:
    """Return what stands in backquotes and starts with `make` in the lines of a Python file.

    Examples
    --------
    >>> code_in_strings("raise NotReadyError('no bundle; run `make setup`')")
    [Code(text='make setup', line=1)]
    """
    lines = enumerate(source.splitlines(), start=1)
    return [Code(found, number) for number, line in lines for found in re.findall(r"`(make [^`]+)`", line)]


def _lines(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """Yield every token, those within paragraphs too, with its line."""
    for token in tokens:
        line = token.map[0] + 1 if token.map else 0
        yield token, line
        for child in token.children or []:
            yield child, line


def _links(tokens: list[Token]) -> Iterator[Link]:
    for token, line in _lines(tokens):
        if token.type in ("link_open", "image"):
            yield Link(str(token.attrGet("href" if token.type == "link_open" else "src")), line)
        elif token.type in ("html_block", "html_inline"):
            for address in re.findall(r"\b(?:href|src|srcset)=[\"']([^\"']+)", token.content):
                yield Link(address, line)


def _anchors(tokens: list[Token]) -> Iterator[str]:
    seen = Counter[str]()
    for heading, inline in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            text = "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            yield f"{slug}-{seen[slug]}" if seen[slug] else slug
            seen[slug] += 1
    for token, _ in _lines(tokens):
        if token.type in ("html_block", "html_inline"):
            yield from re.findall(r"\b(?:id|name)=[\"']([^\"']+)", token.content)


def _code(tokens: list[Token]) -> Iterator[Code]:
    for token, line in _lines(tokens):
        if token.type == "code_inline" or token.type == "code_block":
            yield Code(token.content, line)
        elif token.type == "fence" and token.info.strip().split(" ")[0].lower() not in NOT_SHELL:
            yield Code(token.content, line + 1)
