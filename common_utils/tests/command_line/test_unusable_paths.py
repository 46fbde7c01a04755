"""A path that cannot even be looked at is one line and exit code 3, wherever a command first looks; a defect is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from common_utils.command_line.run import command_line, run_command_line


def left_with(monkeypatch: pytest.MonkeyPatch, path: Path) -> int:
    app = command_line("demo", "Nothing to see.")

    @app.command()
    def look() -> None:
        path.stat()

    @app.command()
    def other() -> None:
        return

    monkeypatch.setattr("sys.argv", ["demo", "look"])
    with pytest.raises(SystemExit) as left:
        run_command_line(app, "demo")
    return int(left.value.code or 0)


def long_name(folder: Path) -> Path:
    return folder / ("n" * 300)


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "x"


@pytest.mark.parametrize(
    ("made", "error"), [(long_name, errno.ENAMETOOLONG), (loop, errno.ELOOP), (below_a_file, errno.ENOTDIR)]
)
def test_a_path_that_cannot_be_looked_at_is_one_line_that_names_it(
    made: object, error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path)  # type: ignore[operator]
    assert left_with(monkeypatch, path) == 3
    assert capsys.readouterr().err == (
        f"demo: {path}: cannot be used: {os.strerror(error)}. Correct its rights or those of its folder, or name "
        "another one.\n"
    )


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR])
def test_rights_are_told_as_well(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(self: Path, **_: object) -> None:  # root, who runs these tests in places, may enter every folder
        raise OSError(error, os.strerror(error), str(self))

    monkeypatch.setattr(Path, "stat", refused)
    assert left_with(monkeypatch, tmp_path / "keys") == 3
    assert f"keys: cannot be used: {os.strerror(error)}." in capsys.readouterr().err


@pytest.mark.parametrize("named", [(), (3,)])  # an open file is named by its number
def test_an_error_of_the_system_without_a_path_stays_a_traceback(
    named: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, **_: object) -> None:
        raise OSError(errno.EACCES, f"no {self.name}", *named)

    monkeypatch.setattr(Path, "stat", refused)
    with pytest.raises(PermissionError, match="no keys"):
        left_with(monkeypatch, tmp_path / "keys")
