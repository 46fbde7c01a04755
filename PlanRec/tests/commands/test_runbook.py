"""Every command that the runbook on bias names is there, with the options it is given."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from common_utils.testing.command_lines import commands_of
from planrec import cli


@pytest.fixture
def named(project_folder: Path) -> list[list[str]]:
    """Commands of `planrec` in the runbook, in words."""
    text = (project_folder.parent / "docs" / "runbooks" / "bias.md").read_text(encoding="utf-8")
    return [shlex.split(found)[1:] for found in re.findall(r"`(planrec [^`]+)`", text)]


def test_the_commands_exist(named: list[list[str]], run, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    known = {command.words for command in commands_of(cli.app)} | {("monitor", "explain")}
    assert len(named) >= 10
    for words in named:
        ends = (at for at, word in enumerate(words) if word.startswith("-") or word.isupper())
        path = tuple(words[: next(ends, len(words))])
        assert path in known, words
        capsys.readouterr()
        assert run(*path, "--help") == 0
        shown = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in shown, words
