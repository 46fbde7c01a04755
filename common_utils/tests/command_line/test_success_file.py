"""`--success-file` of every command line: the time of a success is written last, and a failure leaves the old one."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

import pytest
import typer

from common_utils.command_line.run import command_line, run_command_line
from common_utils.errors import ArtifactError, GateError
from common_utils.monitoring.jobs import read_successes

OLD = '{"format": 1, "project": "demo", "finished": 5.0}\n'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    app = command_line("demo", "Nothing to see.")

    @app.command()
    def leave(
        code: int,
        output: Annotated[Path | None, typer.Option("--output", writable=True, dir_okay=False)] = None,
    ) -> None:
        if output is not None:
            output.write_text("answers")
        if code == 4:
            raise ArtifactError("no bundle")
        if code == 5:
            raise GateError("a gate said no")
        if code == 7:
            raise ZeroDivisionError
        if code == 28:
            raise OSError(errno.ENOSPC, "full")
        raise typer.Exit(code)

    @app.command()
    def well() -> None:
        return

    def run(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["demo", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run_command_line(app, "demo")
        return int(left.value.code or 0)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "retention.json"
    path.write_text(OLD)
    return path


@pytest.mark.parametrize(("words", "code"), [(("well",), 0), (("leave", 0), 0), (("leave", 5), 5), (("leave", 6), 6)])
def test_a_job_that_ran_to_its_end_writes_when_also_where_it_sounds_an_alarm(run, file, words, code) -> None:
    assert run("--success-file", file, *words) == code
    (told,) = read_successes(file.parent)
    assert (told.project, told.name) == ("demo", "retention")
    assert told.finished > 5.0


@pytest.mark.parametrize(
    ("words", "code"),
    [(("leave", 1), 1), (("leave", 2), 2), (("leave", 4), 4), (("leave", 28), 3), (("leave", "x"), 2), (("none",), 2)],
)
def test_a_job_that_failed_leaves_the_old_time(run, file, words, code) -> None:
    assert run("--success-file", file, *words) == code
    assert file.read_text() == OLD


def test_a_defect_leaves_the_old_time_and_its_traceback(run, file) -> None:
    with pytest.raises(ZeroDivisionError):
        run("--success-file", file, "leave", 7)
    assert file.read_text() == OLD


def test_the_first_success_makes_the_folder(run, tmp_path: Path) -> None:
    assert run("--success-file", tmp_path / "jobs" / "bias.json", "well") == 0
    assert [one.name for one in read_successes(tmp_path / "jobs")] == ["bias"]


def test_without_the_option_nothing_is_written_and_help_does_no_job(run, file) -> None:
    assert run("well") == 0
    assert run("--success-file", file, "well", "--help") == 0
    assert file.read_text() == OLD
    run("--success-file", file, "well")
    new = file.read_text()
    assert run("well") == 0  # not once more in the same process
    assert file.read_text() == new


def test_a_file_of_another_kind_is_refused_before_the_job_starts(run, tmp_path: Path, capsys) -> None:
    settings, output = tmp_path / "settings.json", tmp_path / "answers.csv"
    settings.write_text("{}")
    assert run("--success-file", settings, "leave", 0, "--output", output) == 2
    assert "settings.json: this is no record of a job" in capsys.readouterr().err
    assert settings.read_text() == "{}"
    assert not output.exists()


def test_what_the_job_wrote_there_itself_stays(run, tmp_path: Path, capsys) -> None:
    path = tmp_path / "answers.json"
    assert run("--success-file", path, "leave", 0, "--output", path) == 2
    assert "this is no record of a job" in capsys.readouterr().err
    assert path.read_text() == "answers"


def test_a_time_that_cannot_be_written_fails_the_job(run, tmp_path: Path, capsys) -> None:
    (tmp_path / "jobs").write_text("in the way")
    assert run("--success-file", tmp_path / "jobs" / "bias.json", "leave", 6) == 3
    assert "cannot be written" in capsys.readouterr().err
