"""Every command that a runbook names is there, with its options; those on a bad release are typed in their order."""

from __future__ import annotations

import re
import shlex
from functools import partial
from pathlib import Path

import pytest

from common_utils.bundle import current_version, write_bundle
from common_utils.releases import promote, standing_of
from common_utils.releases.author import Author
from common_utils.testing.command_lines import commands_of
from planrec import cli

RUNBOOKS = sorted((Path(__file__).resolve().parents[3] / "docs" / "runbooks").glob("*.md"))
OF_THE_WHOLE = ("--success-file",)  # stands before the command, so the command's help does not show it


def _named(path: Path) -> list[list[str]]:
    """Commands of `planrec` in a runbook, in words; in a line of their own or in a block of shell lines."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    return [shlex.split(found)[1:] for found in re.findall(r"(?:`|^ *)(planrec [^`\n]+)", text, re.MULTILINE)]


def test_every_runbook_says_what_to_type() -> None:
    named = {path.stem: len(_named(path)) for path in RUNBOOKS}
    assert {name for name, number in named.items() if number} >= {
        *("bad_release", "bias", "drift_alarm", "job_late", "quality_alarm"),
    }
    assert sum(named.values()) >= 25


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


@pytest.fixture
def typed(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Type what the runbook on bad releases says, word for word, on a root of this test."""
    (path,) = (path for path in RUNBOOKS if path.stem == "bad_release")
    root = tmp_path / "artifacts"
    monkeypatch.setenv("RELEASE_WHO", "bo")

    def call(*start: str, version: str = "") -> int:
        words = next(words for words in _named(path) if tuple(words[: len(start)]) == start)
        return int(run(*[version if word == "VERSION" else word for word in words], "--artifacts", root))

    return root, call


def test_what_the_runbook_on_a_bad_release_says_works_in_its_order(typed, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    root, call = typed
    good, fair, bad, worse = (
        write_bundle(root, info={"n": number}, write=partial(_number, number)).version for number in range(4)
    )
    for version in (good, fair, bad):
        promote(root, version, author=Author("ana", "looks well"))
    assert call("release", "rollback", "--why") == 0
    assert (current_version(root), standing_of(root).bars(bad)) == (fair, True)

    promote(root, worse, author=Author("ana", "looks better"))
    record = root / "history.jsonl"
    whole = record.read_bytes()
    record.write_bytes(whole.replace(b"looks well", b"looks w3ll"))
    assert call("release", "rollback", "--why") == 4
    assert current_version(root) == worse
    assert call("release", "rollback", "--unrecorded", "--why") == 0
    assert current_version(root) == fair
    assert call("release", "rollback", "--unrecorded", "--to", version=good) == 0
    assert current_version(root) == good
    assert call("release", "list") == 0
    assert call("release", "history") == 4
    assert "the chain is broken" in capsys.readouterr().err

    record.unlink()  # put aside: the next change begins a new one
    assert call("release", "bar", version=bad) == 0
    assert standing_of(root).bars(worse)
    assert call("release", "history") == 0
    assert call("lifecycle", "pardon", version=worse) == 0  # ana's pardon of what bo left
    assert not standing_of(root).bars(worse)


def _number(number: int, folder: Path) -> None:
    (folder / "n").write_text(str(number), encoding="utf-8")
