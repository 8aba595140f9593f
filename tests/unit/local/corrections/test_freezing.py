"""Processes that are stopped between invocations, and clocks that stand."""

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.corrections.freezing import ended_though_frozen, frozen_between_invocations, with_a_clock_that_stands
from local.waiting import until

# What a worker of the emulator does: an invocation a line, by its own clock. Imported late, as a function's code is.
WORKER = """
import json, sys, time

import threading

for line in iter(sys.stdin.readline, ""):
    began = time.monotonic()
    print(json.dumps({
        "monotonic": time.monotonic(),
        "others": [
            time.monotonic_ns() / 1e9, time.perf_counter(), time.perf_counter_ns() / 1e9,
            time.clock_gettime(time.CLOCK_MONOTONIC), threading._time(),
        ],
        "wall": time.time(),
        "real": time.clock_gettime(time.CLOCK_REALTIME),
    }), flush=True)
"""


class Process:
    """A worker, as the emulator has it."""

    def __init__(self, script):
        self._proc = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def invoke(self, _event):
        self._proc.stdin.write("{}\n")
        self._proc.stdin.flush()
        return json.loads(self._proc.stdout.readline())

    @property
    def state(self):
        command = ["ps", "-o", "stat=", "-p", str(self._proc.pid)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout[:1]


@pytest.fixture
def worker():
    """`worker(script)` is a process that runs it, until the test ends."""
    started = []

    def start(script):
        started.append(Process(script))
        return started[-1]

    yield start
    for process in started:
        process._proc.kill()
        process._proc.wait()
        process._proc.stdin.close()
        process._proc.stdout.close()


def test_monotonic_clocks_stand_while_a_process_waits_and_the_wall_clock_goes_on(worker):
    process = worker(with_a_clock_that_stands(WORKER))

    first = process.invoke({})
    until(lambda: time.time() > first["wall"] + 1, 120, of="a second")
    second = process.invoke({})

    assert second["wall"] - first["wall"] > 1
    assert second["real"] - first["real"] > 1
    assert 0 <= second["monotonic"] - first["monotonic"] < 0.5
    assert second["others"] == [pytest.approx(second["monotonic"], abs=0.5)] * 5


def test_without_the_correction_they_go_on(worker):
    process = worker(WORKER)

    first = process.invoke({})
    until(lambda: time.time() > first["wall"] + 1, 120, of="a second")
    second = process.invoke({})

    assert second["monotonic"] - first["monotonic"] > 0.9


def test_a_process_runs_for_its_invocations_only(worker):
    process = worker(WORKER)
    invoke = frozen_between_invocations(Process.invoke)

    invoke(process, {})
    assert until(lambda: process.state == "T", 120, of="a stopped process")
    invoke(process, {})
    assert until(lambda: process.state == "T", 120, of="a stopped process")


def test_a_process_is_not_stopped_at_the_end_of_one_invocation_while_the_next_one_waits(worker):
    """The fault: a WebSocket's next message waited for the worker, which the end of the one before stopped for ever."""
    process, lock, first_may_end = worker(WORKER), threading.Lock(), threading.Event()

    def one_at_a_time(process, invocation):
        with lock:
            answer = Process.invoke(process, {})
            if invocation == "first":
                first_may_end.wait(120)
            return answer

    invoke = frozen_between_invocations(one_at_a_time)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(invoke, process, "first")
        until(lock.locked, 120, of="the first invocation")
        second = pool.submit(invoke, process, "second")
        until(second.running, 120, of="the second invocation")
        first_may_end.set()

        assert first.result(10) and second.result(10)
    assert until(lambda: process.state == "T", 120, of="a stopped process")


def test_a_process_that_died_is_not_thawed(worker):
    process = worker(WORKER)
    process._proc.kill()
    process._proc.wait()

    assert frozen_between_invocations(lambda _worker: "started anew")(process) == "started anew"


def test_a_frozen_process_can_be_asked_to_end(worker):
    process = worker(WORKER)
    frozen_between_invocations(Process.invoke)(process, {})

    ended_though_frozen(lambda asked: asked.terminate())(process._proc)

    assert process._proc.wait(timeout=120) == -signal.SIGTERM
