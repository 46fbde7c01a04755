"""What commands write: never onto what they read, through pipes and devices, with the rights that were there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from common_utils.testing.command_lines import clash_faults, commands_of, undeclared_paths
from planrec import cli

AS_OF = ("--as-of", "2018-02")


def test_every_command_declares_what_it_writes() -> None:
    assert undeclared_paths(cli.app) == []
    assert len(list(commands_of(cli.app))) >= 22


def test_no_command_writes_onto_what_it_reads(tmp_path: Path) -> None:
    assert clash_faults(cli.app, tmp_path) == []


@pytest.mark.parametrize("kind", ["same", "link", "hard-link", "dots"])
@pytest.mark.parametrize("option", ["--output", "--excluded-output", "--rejects"])
@pytest.mark.parametrize("onto", ["--usage", "--plans"])
def test_an_output_onto_an_input_is_refused_before_work(  # type: ignore[no-untyped-def]
    run, usage, plans, tmp_path, capsys, option, onto, kind
) -> None:
    card = tmp_path / "card.csv"  # a rate card may have any name
    card.write_bytes(Path(plans).read_bytes())
    source = {"--usage": usage, "--plans": card}[onto]
    before = source.read_bytes()
    target = tmp_path / "other.csv"
    if kind == "link":
        target.symlink_to(source)
    elif kind == "hard-link":
        target.hardlink_to(source)
    else:
        target = source if kind == "same" else source.parent / "no" / ".." / source.name
    outputs = {"--output": tmp_path / "o.csv", option: target}
    words = [word for pair in outputs.items() for word in pair]
    assert run("recommend", "--usage", usage, "--plans", card, *AS_OF, *words) == 2
    said = capsys.readouterr().err
    assert option in said
    assert onto in said
    assert source.read_bytes() == before
    assert not (tmp_path / "o.csv").exists()


def test_files_that_the_settings_name_are_inputs_too(run, usage, plans, tmp_path, project_folder, capsys) -> None:  # type: ignore[no-untyped-def]
    for name, words in (
        ("rules.yaml", ("what-if", "--usage", usage, "--plans", plans, *AS_OF, "--travel")),
        ("plans.yaml", ("predict", "--usage", usage, *AS_OF)),
    ):
        link = tmp_path / f"{name}.csv"
        link.symlink_to(project_folder / "configs" / name)
        before = (project_folder / "configs" / name).read_bytes()
        for written in (("--output", link), ("--output", tmp_path / "o.csv", "--rejects", link)):
            assert run(*words, *written) == 2
            assert "the same file as the setting" in capsys.readouterr().err
        assert (project_folder / "configs" / name).read_bytes() == before


def test_nothing_is_written_into_a_bundle_or_a_folder_of_parts(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    bundle, parts = tmp_path / "bundle", tmp_path / "parts"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}", encoding="utf-8")
    assert run("evaluate", "--bundle", bundle, "--output", bundle / "results.md") == 2
    assert "--output" in (said := capsys.readouterr().err)
    assert "lies in the bundles of --bundle" in said
    assert run("evaluate", "--bundle", bundle, "--plots", bundle) == 2
    assert "--plots" in capsys.readouterr().err
    parts.mkdir()
    assert run("bill", "--usage", parts, "--plans", plans, "--output", parts / "bills.parquet") == 2
    assert "lies in the folder of --usage" in capsys.readouterr().err


def test_an_earlier_notice_file_is_not_written_onto(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    sent = tmp_path / "sent.jsonl"
    sent.write_text("{}\n", encoding="utf-8")
    words = ("notices", "--usage", usage, "--plans", plans, "--as-of", "2018-03-01")
    assert run(*words, "--sent", tmp_path / "other.jsonl", "--sent", sent, "--output", sent) == 2
    assert "--output" in (said := capsys.readouterr().err)
    assert "--sent" in said
    assert sent.read_text(encoding="utf-8") == "{}\n"


NOTICED = """subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left
a,2018-01,510,0,0,ultimate,1
a,2018-02,490,0,16384,ultimate,0
"""
WRITERS = pytest.mark.parametrize("command", ["bill", "recommend", "notices"])


def _words(command: str, usage: Path, plans: str) -> tuple[object, ...]:
    usage.write_text(NOTICED, encoding="utf-8")
    words = (command, "--usage", usage, "--plans", plans)
    return (*words, *{"bill": (), "recommend": AS_OF, "notices": ("--as-of", "2018-02-20")}[command])


@WRITERS
def test_a_pipe_is_written_through(run, usage, plans, tmp_path, command) -> None:  # type: ignore[no-untyped-def]
    plain, pipe = tmp_path / "plain.csv", tmp_path / "pipe"
    words = _words(command, usage, plans)
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert run(*words, "--output", pipe) == 0
    reader.join(timeout=10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert run(*words, "--output", plain) == 0
    assert got == [plain.read_bytes()]
    assert plain.stat().st_size > 0


@WRITERS
def test_a_device_is_written_through(run, usage, plans, tmp_path, command) -> None:  # type: ignore[no-untyped-def]
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    try:
        device.open("wb").close()
    except OSError:
        pytest.skip("this file system opens no devices")
    assert run(*_words(command, usage, plans), "--output", device) == 0
    assert stat.S_ISCHR(device.stat().st_mode)


@WRITERS
def test_standard_output_takes_a_table_and_what_stood_in_the_file_stays(usage, plans, tmp_path, command) -> None:  # type: ignore[no-untyped-def]
    words = [str(word) for word in _words(command, usage, plans)]
    code = "import sys; from planrec.cli import main; sys.argv = ['planrec', *sys.argv[1:]]; main()"
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    with log.open("a", encoding="utf-8") as file:
        subprocess.run(
            [sys.executable, "-c", code, *words, "--output", "/dev/stdout"], stdout=file, check=True, cwd=tmp_path
        )
    assert log.read_text(encoding="utf-8").startswith("before\n")
    assert len(log.read_text(encoding="utf-8").splitlines()) > 1


@WRITERS
def test_a_full_disk_is_one_line_and_exit_3(run, usage, plans, capsys, command) -> None:  # type: ignore[no-untyped-def]
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is not there")
    assert run(*_words(command, usage, plans), "--output", "/dev/full") == 3
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("planrec: ")]
    assert said == ["planrec: /dev/full: cannot be written: No space left on device."]


@WRITERS
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_link_stays_and_the_file_behind_it_keeps_its_rights(run, usage, plans, tmp_path, command, ending) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    file, link = folder / f"real.{ending}", tmp_path / f"link.{ending}"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 23456)
    owner = (file.stat().st_uid, file.stat().st_gid)
    link.symlink_to(file)
    assert run(*_words(command, usage, plans), "--output", link) == 0
    assert link.is_symlink()
    assert link.readlink() == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert (file.stat().st_uid, file.stat().st_gid) == owner
    assert file.read_bytes() != b"old"
    assert [path.name for path in folder.iterdir()] == [file.name]
