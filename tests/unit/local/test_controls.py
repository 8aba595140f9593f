"""What can be switched on a running emulator."""

import asyncio
import json

import pytest

from local.controls import LATE_READS, THROTTLES, Controls
from local.corrections.capacity import Capacity
from local.corrections.late_reads import LateReads
from local.switches import VARIABLE, Switches


@pytest.fixture
def late_reads():
    return LateReads(lambda: 0.0)


@pytest.fixture
def capacity():
    return Capacity(lambda: 0.0)


@pytest.fixture
def ask(late_reads, capacity):
    """`ask(method, path, content)` is the status and the answer of the controls around an application."""

    async def application(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'"the application"'})

    controls = Controls(application, late_reads, capacity)

    def ask_controls(method, path, content=None):
        sent = []

        async def receive():
            return {"type": "http.request", "body": json.dumps(content).encode(), "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(controls({"type": "http", "method": method, "path": path, "headers": []}, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])

    return ask_controls


def test_reads_can_be_made_late_and_in_time_again(ask, late_reads):
    assert ask("PUT", LATE_READS, {"bound_s": 0.5}) == (200, {"bound_s": 0.5})
    assert late_reads.bound_s == 0.5
    assert ask("PUT", LATE_READS, {"bound_s": 0}) == (200, {"bound_s": 0.0})
    assert ask("GET", LATE_READS) == (200, {"bound_s": 0.0})


def test_throttles_can_be_set_and_taken_back(ask, capacity):
    ask("POST", THROTTLES, {"table": "events", "writes_per_s": 5})

    status, told = ask("GET", THROTTLES)
    assert (status, told["throttles"][0]["table"], told["throttles"][0]["hits"]) == (200, "events", 0)
    assert ask("DELETE", THROTTLES) == (200, {"throttles": []})
    assert capacity.throttles == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("PUT", LATE_READS, {}, 422),
        ("PUT", LATE_READS, {"bound_s": "soon"}, 422),
        ("POST", THROTTLES, {"mood": "bad"}, 422),
        ("PATCH", THROTTLES, {}, 405),
    ],
)
def test_what_makes_no_sense_is_refused(ask, method, path, content, status):
    assert ask(method, path, content)[0] == status


def test_everything_else_is_passed_on(ask):
    assert ask("POST", "/", {}) == (200, "the application")


def test_switches_are_what_the_environment_says(monkeypatch):
    monkeypatch.setenv(VARIABLE, '{"frozen_clock": false}')

    assert Switches.from_environment() == Switches(frozen_clock=False)


def test_switches_reach_the_emulators_process(monkeypatch):
    switches = Switches(late_reads_s=0.5, late_reads_seed=7, frozen_processes=False)
    for name, value in switches.to_environment().items():
        monkeypatch.setenv(name, value)

    assert Switches.from_environment() == switches


def test_a_switch_that_there_is_not_is_an_error(monkeypatch):
    monkeypatch.setenv(VARIABLE, '{"frozen_clocks": true}')

    with pytest.raises(TypeError, match="frozen_clocks"):
        Switches.from_environment()
