"""Every command that a runbook names is there, with the options it is given."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from common_utils.testing.command_lines import commands_of
from planrec import cli

RUNBOOKS = sorted((Path(__file__).resolve().parents[3] / "docs" / "runbooks").glob("*.md"))
OF_THE_WHOLE = ("--success-file",)  # stands before the command, so the command's help does not show it


def _named(path: Path) -> list[list[str]]:
    """Commands of `planrec` in a runbook, in words; in a line of their own or in a block of shell lines."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    return [shlex.split(found)[1:] for found in re.findall(r"(?:`|^ *)(planrec [^`\n]+)", text, re.MULTILINE)]


def test_every_runbook_says_what_to_type() -> None:
    assert {"bad_release", "bias", "drift_alarm", "job_late", "quality_alarm"} <= {path.stem for path in RUNBOOKS if _named(path)}
    assert sum(len(_named(path)) for path in RUNBOOKS) >= 25


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_the_commands_exist(path: Path, run, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    known = {command.words for command in commands_of(cli.app)} | {("monitor", "explain")}
    for words in _named(path):
        if words[0] in OF_THE_WHOLE:
            del words[:2]
        command = max((one for one in known if tuple(words[: len(one)]) == one), key=len, default=())
        assert command, words
        capsys.readouterr()
        assert run(*command, "--help") == 0
        shown = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in shown, words
