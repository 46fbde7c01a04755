from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from common_utils.bundle import current_version, open_bundle, set_current, write_bundle
from common_utils.bundle.names import check_name, is_plain_name
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.command_line.lifecycle.release import release_app
from common_utils.errors import PortfolioError
from common_utils.releases import promote, rollback
from common_utils.releases.author import Author
from common_utils.releases.history import HISTORY, read_history

Run = Callable[..., tuple[int, str]]
ANA = Author("ana", "trying")


def _bundle(root: Path, number: int, trust: Trust = INTEGRITY_ONLY) -> str:
    return write_bundle(root, info={}, write=lambda f: f.joinpath("n").write_text(f"{number}"), trust=trust).version


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "inside" / "artifacts"


@pytest.fixture
def three(root: Path) -> list[str]:
    return [_bundle(root, number) for number in range(3)]


@pytest.fixture
def run(root: Path) -> Run:
    """Run a command; return its exit code and what it printed, or the error's own code and text."""
    app = typer.Typer()
    app.add_typer(release_app(lambda _, __: (root, INTEGRITY_ONLY)), name="release")

    @app.command()
    def other() -> None:
        """A second command, so that `release` has to be named."""

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["release", *arguments])
        if isinstance(result.exception, PortfolioError):
            return result.exception.exit_code, str(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return call


def test_one_command_each_promotes_and_rolls_back(run: Run, root: Path, three: list[str]) -> None:
    code, text = run("promote", three[0], "--why", "first", "--who", "ana", "--expect", "none")
    assert (code, current_version(root)) == (0, three[0])
    assert text == f"{three[0]} is live, digest {read_history(root)[-1].digest}\n"
    assert run("promote", three[1], "--why", "better", "--expect", three[0])[0] == 0
    assert run("promote", three[1], "--why", "again") == (0, f"{three[1]} was live already\n")
    assert run("rollback", "--why", "worse", "--who", "bo")[0] == 0
    assert current_version(root) == three[0]


def test_the_conflict_has_an_exit_code_and_says_what_is_live(run: Run, root: Path, three: list[str]) -> None:
    run("promote", three[0], "--why", "first")
    code, text = run("promote", three[2], "--why", "second", "--expect", three[1])
    assert code == 4
    assert f"{three[0]} is live, not '{three[1]}' as expected" in text


def test_publish_takes_a_bundle_from_elsewhere(run: Run, root: Path, tmp_path: Path) -> None:
    version = _bundle(tmp_path / "other", 7)
    code, text = run("publish", "--bundle", str(tmp_path / "other" / version), "--why", "trained elsewhere")
    assert (code, text) == (0, f"published {version}\n")
    assert open_bundle(root / version).version == version


@pytest.mark.parametrize("command", [["promote", "x"], ["rollback"], ["publish", "--bundle", "x"]])
def test_a_reason_is_required(run: Run, command: list[str]) -> None:
    code, text = run(*command)
    assert code == 2
    assert "--why" in text


def test_history_is_shown_and_given_as_json(run: Run, root: Path, three: list[str]) -> None:
    assert run("history") == (
        0,
        "number  at  action  from  to  who  why\nlive: none; challenger: none; last digest: none\n",
    )
    run("promote", three[0], "--why", "first", "--who", "ana")
    code, text = run("history", "--json")
    found = json.loads(text)
    assert (code, found["live"]) == (0, three[0])
    assert found["entries"][0]["who"] == "ana"
    assert f"promote  -     {three[0]}  ana  first" in run("history")[1]
    (root / HISTORY).write_text((root / HISTORY).read_text().replace("ana", "bob"))
    code, text = run("history")
    assert (code, "broken at entry 1" in text) == (4, True)


def test_both_pointers_and_the_bars_are_shown(run: Run, root: Path, three: list[str], tmp_path: Path) -> None:
    gate = tmp_path / "gate.json"
    gate.write_text("{}")
    run("promote", three[0], "--why", "first")
    code, text = run("challenge", three[1], "--why", "passed", "--expect", "none", "--evidence", str(gate))
    assert (code, text) == (0, f"{three[1]} is the challenger, digest {read_history(root)[-1].digest}\n")
    assert read_history(root)[-1].evidence == {"gate.json": hashlib.sha256(b"{}").hexdigest()}
    assert run("challenge", three[1], "--why", "again") == (0, f"{three[1]} was the challenger already\n")
    assert f"live: {three[0]}; challenger: {three[1]}; last digest: " in run("history")[1]
    assert run("challenge", three[2], "--why", "x", "--expect", three[0])[0] == 4
    assert "is barred and there is no challenger" in run("abort", "--why", "slow", "--who", "bo")[1]
    assert f"barred: {three[1]}" in run("history")[1]
    found = json.loads(run("history", "--json")[1])
    assert (found["live"], found["challenger"], found["barred"]) == (three[0], None, [three[1]])
    assert [row["barred"] for row in json.loads(run("list", "--json")[1])] == [one == three[1] for one in sorted(three)]
    assert run("promote", three[1], "--why", "x")[0] == 4
    assert run("pardon", three[1], "--why", "x", "--who", "bo")[0] == 4
    assert run("pardon", three[1], "--why", "measured again", "--who", "ana")[0] == 0
    assert run("bar", three[2], "--why", "leak")[1].startswith(f"{three[2]} is barred, digest ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [pytest.param("none.json", "cannot be read", id="missing"), pytest.param("a b", "plain", id="x")],
)
def test_evidence_that_is_none_changes_nothing(run: Run, root: Path, three: list[str], name: str, reason: str) -> None:
    code, text = run("challenge", three[1], "--why", "x", "--evidence", str(root / name))
    assert (code, reason in text) == (2, True)
    assert read_history(root) == ()


def test_a_roll_back_without_a_record_says_what_it_leaves_to_do(run: Run, root: Path, three: list[str]) -> None:
    for version in three:
        run("promote", version, "--why", "x")
    (root / HISTORY).write_text((root / HISTORY).read_text().replace("first", "second").replace('"x"', '"y"', 1))
    assert run("rollback", "--why", "worse")[0] == 4
    code, text = run("rollback", "--unrecorded", "--why", "worse", "--expect", three[2])
    assert code == 0
    assert f"{three[1]} is live, not recorded yet: the next change does it, and bars {three[2]}" in text
    assert run("rollback", "--unrecorded", "--why", "worse", "--to", three[0])[0] == 0
    assert run("rollback", "--why", "worse", "--to", three[1])[0] == 2
    code, text = run("list")
    assert (code, "barred bundles are not known: " in text, f"{three[0]}  yes" in text) == (0, True, True)


def test_a_root_that_does_not_exist_is_no_empty_history(run: Run) -> None:
    assert (run("history")[0], run("list")[0]) == (4, 4)
    assert "no such folder" in run("history", "--json")[1]


def test_list_shows_what_is_live_and_what_is_refused(run: Run, root: Path, three: list[str]) -> None:
    run("promote", three[0], "--why", "first")
    os.unlink(root / three[1] / "n")  # noqa: PTH108
    rows = json.loads(run("list", "--json")[1])
    assert [row["live"] for row in rows] == [row["version"] == three[0] for row in rows]
    refused = next(row for row in rows if row["version"] == three[1])
    assert "missing or extra file" in refused["refused"]
    assert f"{three[0]}  yes" in run("list")[1]


def test_who_comes_from_the_environment(
    run: Run, root: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEASE_WHO", "nightly job")
    run("promote", three[0], "--why", "first", "--artifacts", str(root))
    assert read_history(root)[0].who == "nightly job"


# --- hostile names

_PARTS = (
    "..", "../x", "../../outside", "/etc/passwd", "//host/share", "a/b", "a\\b", "..\\x", "C:\\x", "file:///etc", ".",
    "~root", "$HOME", "%2e%2e", "%2e%2e%2fx", "%252e%252e", "a%00b", "a\0b", "a\nb", "a\r", "\t", " ", "a ", " a",
    "a.", "a..b", ".hidden", "-rf", "--help", "*", "?", "[a]", "{a,b}", "a;b", "a|b", "a&b", "`id`", "$(id)", "'", '"',
    "con", "NUL", "aux.txt", "COM1", "lpt9.log", "ａｂ", "а", "․․", "‥", "／etc", "∕etc", "＼x", "\u202egnp", "\u200b",
    "\ufeff", "e\u0301", "İ", "ß", "٣", "１", "\udcff", "\U0001f600", "x" * 65, "x" * 300, "current", "history.jsonl",
    "current/../../outside", "20261123T120102Z-1a2b3c4d5e6f/..", "20261123T120102Z-1a2b3c4d5e6f\n",
)  # fmt: skip
HOSTILE = sorted({
    *_PARTS,
    *(f"20261123T120102Z-1a2b3c4d5e6f{part}" for part in _PARTS),
    *(f"{part}/20261123T120102Z-1a2b3c4d5e6f" for part in _PARTS),
})  # fmt: skip


def _outside(folder: Path) -> dict[str, str]:
    """Everything around the artifacts root, with its content."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if "artifacts" not in path.parts
    }


def test_no_hostile_name_leaves_the_root_by_a_function(root: Path, three: list[str], tmp_path: Path) -> None:
    assert len(HOSTILE) >= 200
    _bundle(tmp_path / "outside", 9)
    promote(root, three[0], author=ANA)
    before, inside = _outside(tmp_path), sorted(path.name for path in root.iterdir())
    functions: dict[str, Callable[[str], object]] = {
        "promote": lambda name: promote(root, name, author=ANA),
        "promote, expected": lambda name: promote(root, three[1], author=ANA, expected=name),
        "rollback, expected": lambda name: rollback(root, author=ANA, expected=name),
        "set_current": lambda name: set_current(root, name),
        "read_bytes": lambda name: open_bundle(root).read_bytes(name),
        "key id": lambda name: Trust({name: bytes(32)}),
    }
    for name in HOSTILE:
        for what, function in functions.items():
            if what == "key id" and is_plain_name(name):
                continue  # a reserved word of the root is not a path for a key
            with pytest.raises(PortfolioError) as caught:
                function(name)
            assert str(caught.value).isascii(), (what, name)
        if not is_plain_name(name):
            with pytest.raises(PortfolioError, match="is not a plain name"):
                check_name(name, "project")
    assert _outside(tmp_path) == before
    assert sorted(path.name for path in root.iterdir()) == inside
    assert current_version(root) == three[0]
    assert len(read_history(root)) == 1


def test_no_hostile_name_leaves_the_root_by_a_command(
    run: Run, root: Path, three: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    promote(root, three[0], author=ANA)
    before = _outside(tmp_path)
    for name in HOSTILE:
        for command in (
            ["promote", "--why", "x", "--", name],
            ["promote", "--why", "x", f"--expect={name}", three[1]],
            ["rollback", "--why", "x", f"--expect={name}"],
        ):
            code, text = run(*command)
            assert code in (2, 4), (command, text)
    assert _outside(tmp_path) == before
    assert current_version(root) == three[0]
    assert len(read_history(root)) == 1
