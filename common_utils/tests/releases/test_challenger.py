from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.releases.cases import ANA, BO, NOON, make

from common_utils.bundle import current_version, set_current
from common_utils.bundle.pointer import CHALLENGER, point
from common_utils.errors import ArtifactError, ReleaseConflictError, ReleaseError
from common_utils.releases import abort, bar, challenge, challenger_version, pardon, promote, rollback, standing_of
from common_utils.releases.author import Author
from common_utils.releases.history import append_entry, read_history

pytestmark = pytest.mark.usefixtures("removable")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def three(root: Path) -> list[str]:
    versions = [make(root, number).version for number in range(3)]
    promote(root, versions[0], author=ANA)
    return versions


def _actions(root: Path) -> list[tuple[str, str | None, str | None]]:
    return [(entry.action, entry.from_version, entry.to_version) for entry in read_history(root)]


def test_challenge_moves_its_pointer_and_leaves_what_is_live(root: Path, three: list[str]) -> None:
    entry = challenge(root, three[1], author=BO, evidence={"gate.json": "7" * 64})
    assert (current_version(root), challenger_version(root)) == (three[0], three[1])
    assert (root / "challenger").readlink() == Path(three[1])
    assert read_history(root)[-1] == entry
    assert _actions(root)[-1] == ("challenge", None, three[1])
    assert entry is not None
    assert entry.evidence == {"gate.json": "7" * 64}
    assert challenge(root, three[1], author=BO) is None
    challenge(root, three[2], author=BO)
    assert _actions(root)[-1] == ("challenge", three[1], three[2])


def test_challenge_happens_only_if_the_expected_version_is_the_challenger(root: Path, three: list[str]) -> None:
    with pytest.raises(ReleaseConflictError, match=f"no version is the challenger, not '{three[1]}' as expected"):
        challenge(root, three[2], author=BO, expected=three[1])
    challenge(root, three[1], author=BO, expected=None)
    with pytest.raises(ReleaseConflictError, match=f"{three[1]} is the challenger, not 'no version'"):
        challenge(root, three[2], author=BO, expected=None)
    with pytest.raises(ReleaseConflictError):
        abort(root, author=BO, expected=three[2])
    assert challenger_version(root) == three[1]
    assert len(read_history(root)) == 2


def test_what_cannot_be_opened_or_is_live_does_not_challenge(root: Path, three: list[str]) -> None:
    (root / three[1] / "n").chmod(0o600)
    (root / three[1] / "n").write_text("7")
    with pytest.raises(ArtifactError, match="another sha256"):
        challenge(root, three[1], author=ANA)
    with pytest.raises(ReleaseError, match="it cannot challenge itself"):
        challenge(root, three[0], author=ANA)
    assert challenger_version(root) is None
    assert len(read_history(root)) == 1


def test_a_challenger_that_goes_live_is_one_no_more(root: Path, three: list[str]) -> None:
    challenge(root, three[1], author=ANA)
    promote(root, three[1], author=ANA)
    assert (current_version(root), challenger_version(root)) == (three[1], None)
    assert [action for action, _, _ in _actions(root)] == ["promote", "challenge", "promote"]


def test_an_aborted_digest_is_barred_under_any_version(root: Path, three: list[str]) -> None:
    challenge(root, three[1], author=ANA)
    entry = abort(root, author=BO, evidence={"verdict": "8" * 64})
    assert (entry.from_version, entry.to_version) == (three[1], three[1])
    assert (current_version(root), challenger_version(root)) == (three[0], None)
    again = make(root, 1).version  # the same training at another time
    assert again != three[1]
    for version in (three[1], again):
        for act in (promote, challenge):
            with pytest.raises(ReleaseError, match=r"is barred: abort by 'bo', .*somebody else than 'bo' runs"):
                act(root, version, author=ANA)
    with pytest.raises(ReleaseError, match="no challenger to abort"):
        abort(root, author=BO)
    assert standing_of(root).bars(again)
    assert len(read_history(root)) == 3


def test_a_rolled_back_digest_does_not_come_back_by_itself(root: Path, three: list[str]) -> None:
    promote(root, three[1], author=ANA)
    rollback(root, author=BO)
    with pytest.raises(ReleaseError, match="is barred: rollback by 'bo'"):
        promote(root, make(root, 1).version, author=ANA)
    assert current_version(root) == three[0]


def test_rollback_passes_over_what_is_barred(root: Path, three: list[str]) -> None:
    promote(root, three[1], author=ANA)
    promote(root, three[2], author=ANA)
    bar(root, three[1], author=BO)
    assert rollback(root, author=ANA).to_version == three[0]
    promote(root, make(root, 7).version, author=ANA)
    bar(root, three[0], author=BO)
    with pytest.raises(ReleaseError, match="every version that was live before is barred"):
        rollback(root, author=ANA)


@pytest.mark.parametrize("who", ["bo", " BO ", "Bo"])
def test_who_barred_cannot_pardon(root: Path, three: list[str], who: str) -> None:
    bar(root, three[1], author=BO)
    with pytest.raises(ReleaseError, match=r"barred .* \(bar, .*somebody else has to pardon it"):
        pardon(root, three[1], author=Author(who, "it is good after all"))
    pardon(root, three[1], author=ANA)
    promote(root, three[1], author=BO)
    assert current_version(root) == three[1]


def test_everybody_who_barred_since_the_last_pardon_is_asked(root: Path, three: list[str]) -> None:
    bar(root, three[1], author=ANA)
    pardon(root, three[1], author=BO)
    bar(root, three[1], author=BO)
    bar(root, three[1], author=Author("cy", "it is worse"))
    for who in ("bo", "cy"):
        with pytest.raises(ReleaseError, match="somebody else has to pardon it"):
            pardon(root, three[1], author=Author(who, "x"))
    pardon(root, three[1], author=ANA)
    with pytest.raises(ReleaseError, match="is not barred"):
        pardon(root, three[1], author=BO)


def test_what_is_live_or_challenges_is_ended_and_not_barred(root: Path, three: list[str]) -> None:
    challenge(root, three[1], author=ANA)
    with pytest.raises(ReleaseError, match=r"is live\. Roll back"):
        bar(root, make(root, 0).version, author=BO)
    with pytest.raises(ReleaseError, match="Run `release abort`"):
        bar(root, make(root, 1).version, author=BO)
    bar(root, "20200101T000000Z-aaaaaaaaaaaa", author=BO)  # pruned long ago
    assert _actions(root)[-1] == ("bar", three[0], "20200101T000000Z-aaaaaaaaaaaa")


# --- what a dead writer or a hand leaves


def test_a_recorded_challenge_that_did_not_happen_is_corrected(root: Path, three: list[str]) -> None:
    append_entry(
        root, read_history(root), ANA, at=NOON, action="challenge", from_version=None, to_version=three[1]
    )  # and then the process was killed
    promote(root, three[2], author=BO)
    assert _actions(root)[2:] == [("challenge", three[1], None), ("promote", three[0], three[2])]


def test_a_recorded_abort_that_did_not_happen_is_finished(root: Path, three: list[str]) -> None:
    challenge(root, three[1], author=ANA)
    append_entry(root, read_history(root), ANA, at=NOON, action="abort", from_version=three[1], to_version=three[1])
    promote(root, three[2], author=BO)
    assert challenger_version(root) is None
    assert [action for action, _, _ in _actions(root)] == ["promote", "challenge", "abort", "promote"]


def test_a_challenger_set_by_hand_enters_the_record(root: Path, three: list[str]) -> None:
    challenge(root, three[1], author=ANA)
    point(root, CHALLENGER, three[2])
    promote(root, make(root, 7).version, author=BO)
    assert _actions(root)[2] == ("challenge", three[1], three[2])
    assert "moved by hand" in read_history(root)[2].why
    set_current(root, three[2])  # the challenger goes live by hand
    bar(root, three[1], author=BO)
    assert challenger_version(root) is None
    assert _actions(root)[4:] == [("correct", _actions(root)[3][2], three[2]), ("bar", three[2], three[1])]


def test_something_else_in_the_challengers_place_stops_no_promotion(root: Path, three: list[str]) -> None:
    (root / "challenger").write_text("ours")
    promote(root, three[1], author=ANA)
    assert current_version(root) == three[1]
    for act in (lambda: challenge(root, three[2], author=ANA), lambda: abort(root, author=ANA)):
        with pytest.raises(ArtifactError, match=r"is not a link to a version beside it\. Remove it"):
            act()
    assert (root / "challenger").read_text() == "ours"


def test_a_pointer_that_cannot_be_moved_is_told_by_the_record(
    root: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(ArtifactError, match="pointer could not be changed"):
            challenge(root, three[1], author=ANA)
    assert challenger_version(root) is None
    assert _actions(root)[1:] == [("challenge", None, three[1]), ("challenge", three[1], None)]
