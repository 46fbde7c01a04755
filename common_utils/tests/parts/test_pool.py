"""Answers of several processes: in order, the same as of one, and never a run that hangs."""

from __future__ import annotations

import errno
import operator
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import Pipe

import pyarrow as pa
import pytest

from common_utils.errors import DataError
from common_utils.parts.packing import packed, unpacked
from common_utils.parts.pool import answered_in_order, serve


def test_tables_come_back_as_they_went() -> None:
    text = pa.array(["a", None, "b"]).dictionary_encode()
    table = pa.table({"n": [1, 2, None], "text": text})
    assert unpacked(packed([table.slice(1), "x"])) == [table.slice(1), "x"]


def test_two_processes_answer_in_order() -> None:
    answers = list(answered_in_order(operator.itemgetter(0), [pa.chunked_array([[n]]) for n in range(6)], 2))
    assert [answer.as_py() for answer in answers] == list(range(6))


def test_an_error_of_a_process_is_raised_here_with_its_words() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(answered_in_order(int, ["1", "x"], 2))


def kill(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("work", [os._exit, kill])
def test_a_process_that_dies_is_told_and_nothing_hangs(work: Callable[[int], int]) -> None:
    with pytest.raises(DataError, match=r"a worker process ended .* fewer --workers"):
        list(answered_in_order(work, [2, 3, 4, 5], 2))


def test_a_process_that_cannot_be_started_is_told_and_the_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    real, children = os.fork, []

    def fork() -> int:
        if children:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        children.append(real())
        return children[0]

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(DataError, match=r"2 worker processes cannot be started \(Resource .*\): .* fewer --workers"):
        list(answered_in_order(abs, [-1], 2))
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], 0)


def test_children_that_the_kernel_waits_for_are_no_fault() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as some launchers of jobs leave it to what they start
    try:
        assert list(answered_in_order(abs, [-1, -2], 2)) == [1, 2]
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_few_blocks_are_read_ahead() -> None:
    read: list[int] = []

    def blocks() -> Iterator[int]:
        for n in range(9):
            read.append(n)
            yield -n

    answers = answered_in_order(abs, blocks(), 1)
    assert next(answers) == 0
    assert read == [0, 1]
    answers.close()


def test_a_connection_that_ends_ends_the_process() -> None:
    ours, theirs = Pipe()
    ours.close()
    serve(abs, theirs)
    ours, theirs = Pipe()
    ours.send_bytes(packed(-1))
    ours.close()
    serve(abs, theirs)  # nobody waits for the answer any more


@pytest.mark.parametrize("stopped", [signal.SIGKILL])
def test_workers_end_with_a_run_that_is_killed(stopped: signal.Signals) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover - another process
        os.close(reader)
        os.set_inheritable(writer, True)
        answers = answered_in_order(abs, iter([-1, -2]), 2)
        os.write(writer, str(next(answers)).encode())
        signal.pause()
    os.close(writer)
    assert os.read(reader, 1) == b"1"
    os.kill(child, stopped)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b""  # every copy of the pipe is closed: nobody of that run is left
    os.close(reader)
