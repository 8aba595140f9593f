"""What a busy machine costs is not counted against a limit."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from local.corrections.busy_machine import Lost, PatientThread, counting_what_it_waits, current, left_s, waited_s
from local.corrections.http_api import within_its_timeout
from local.waiting import until

LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux says what waits for it")
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


class Loses:
    """A thread that waited a thousand seconds more each time it is asked; at the second time, `then` happens."""

    def __init__(self, then: Callable[[], object] = bool) -> None:
        self.asked = 0
        self.then = then

    def __call__(self) -> float:
        self.asked += 1
        if self.asked == 2:
            self.then()
        return self.asked * 1_000.0


@contextmanager
def busy() -> Iterator[subprocess.Popen[str]]:
    """A process that is always ready to run, on a processor that it shares with another such."""
    processor = str(min(os.sched_getaffinity(0)))
    with ExitStack() as ending:
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-c", BUSY, processor], text=True)
            ending.callback(process.wait)
            ending.callback(process.kill)
        yield process


@LINUX
def test_a_process_that_shares_its_processor_waits_for_it():
    with busy() as process:
        until(lambda: waited_s(process.pid) > 0.05, 60, of="its neighbour's turn")
        assert waited_s(process.pid, process.pid) > 0
    assert waited_s(process.pid) == 0


@LINUX
def test_an_invocation_has_lost_what_its_process_waited_since_it_began():
    class Worker:
        _proc: subprocess.Popen[str] | None = None

    worker = Worker()
    seen = []

    def invoke(_worker, first):
        lost = current.get()
        if first:
            worker._proc = process
        before = waited_s(process.pid)
        until(lambda: waited_s(process.pid) > before + 0.05, 60, of="its neighbour's turn")
        seen.append((lost.seconds, before))

    with busy() as process:
        counting_what_it_waits(invoke)(worker, True)
        until(lambda: waited_s(process.pid) > 1, 60, of="its neighbour's turns")
        counting_what_it_waits(invoke)(worker, False)

    (of_new, _), (of_known, before) = seen
    assert of_new > 0.05
    assert of_known < before
    assert current.get() is None


def test_an_invocation_adds_to_what_its_call_lost():
    lost = Lost()

    class Worker:
        _proc = None

    def invoke(_worker):
        return current.get()

    token = current.set(lost)
    try:
        assert counting_what_it_waits(invoke)(Worker()) is lost
    finally:
        current.reset(token)


def test_a_limit_is_longer_by_what_was_lost_since():
    lost = Lost(Loses())
    assert lost.seconds == 1_000

    left = left_s(10, lost)

    assert 0 < left() - 1_000 <= 10
    assert left() > 1_010
    assert left_s(10, Lost())() <= 10


def test_a_thread_is_joined_for_longer_by_what_was_lost():
    ended = threading.Event()
    thread = PatientThread(target=ended.wait)
    thread.start()
    thread.join(0)
    assert thread.is_alive()

    token = current.set(Lost(Loses(ended.set)))
    try:
        thread.join(0)
    finally:
        current.reset(token)
        ended.set()

    assert not thread.is_alive()


def test_an_http_api_waits_for_longer_by_what_was_lost():
    async def ask(*, losing):
        answered = asyncio.Event()

        async def invoke(_integration):
            if losing:
                current.get().add(Loses(answered.set))
            await answered.wait()
            return 200, {}, b""

        answer = await within_its_timeout(invoke)({"timeoutInMillis": 1})
        answered.set()
        return answer[0]

    assert asyncio.run(ask(losing=True)) == 200
    assert asyncio.run(ask(losing=False)) == 503
    assert current.get() is None


def test_where_nobody_says_nothing_is_lost():
    assert Lost(partial(waited_s, 2**22 + 1)).seconds == 0
