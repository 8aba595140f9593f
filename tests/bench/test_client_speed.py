"""What recording an event costs the application that does: time, memory, and the import.

Each is measured in a process of its own, by the standard library alone. `save()` is timed call by call, a millisecond
between two, while the server answers, refuses connections, or takes them and never answers.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from local.processes import free_port
from tests.unit.client.api_server import KEY, LIBRARY, Api
from tests.unit.client.pythons import pythons

EVENTS = 5_000
MANY = 1_000_000
ROUNDS = 15

SAVING = f"""
import json, sys, time
sys.path.insert(0, {str(LIBRARY.parent)!r})
from tocsin_client import Event, configure
url, spool, count, pause = sys.argv[1], sys.argv[2] or None, int(sys.argv[3]), float(sys.argv[4])
client = configure(url, {KEY!r}, app="bench", spool=spool)
user = {{"pk": 7, "username": "alice", "email": "alice@example.com"}}
environ = {{"REQUEST_METHOD": "POST", "PATH_INFO": "/invoices/4711/pay", "QUERY_STRING": "page=2&token=abc",
    "REMOTE_ADDR": "203.0.113.7", "HTTP_USER_AGENT": "Mozilla/5.0", "HTTP_X_REQUEST_ID": "b7f0c5"}}

def small(n):
    return Event.new("invoice_paid", invoice=n)

def usual(n):
    return Event.new("invoice_paid", invoice=n, amount="12.50", tags=["a", "b"]).from_http(environ, user)

def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
"""

TIMING = (
    SAVING
    + """
for make in (small, usual):
    for n in range(300): make(n).save()
    taken = []
    for n in range(count):
        event = make(n)
        began = time.perf_counter_ns()
        event.save()
        taken.append(time.perf_counter_ns() - began)
        if pause: time.sleep(pause)
    whole = []
    for n in range(1_000):
        began = time.perf_counter_ns()
        make(n).save()
        whole.append(time.perf_counter_ns() - began)
        if pause: time.sleep(pause)
    print(json.dumps({"event": make.__name__, "save": taken, "whole": whole}), flush=True)
import os; os._exit(0)
"""
)

FILLING = (
    SAVING
    + """
usual(0).save()
before = rss()
began = time.perf_counter()
peak = 0
for n in range(count):
    usual(n).save()
    if n % 10_000 == 0: peak = max(peak, rss())
took = time.perf_counter() - began
told = {"before": before, "peak": peak, "after": rss(), "dropped": client.dropped, "seconds": took}
print(json.dumps(told), flush=True)
import os; os._exit(0)
"""
)


def run(script: str, *arguments: str) -> list[dict]:
    """What a script prints, a JSON object a line."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True, timeout=900
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["up", "down", "hanging"])
def server(request):
    """(its state, its URL)"""
    if request.param == "down":
        yield "down", f"http://127.0.0.1:{free_port()}"
    elif request.param == "hanging":
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield "hanging", f"http://127.0.0.1:{listening.getsockname()[1]}"
    else:
        with Api() as api:
            yield "up", api.url


def microseconds(times: list[int], share: float) -> str:
    """The quantile of some times in nanoseconds."""
    return f"{statistics.quantiles(times, n=1_000)[int(share * 1_000) - 1] / 1_000:,.0f}"


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_saving_an_event(tables, server, tmp_path: Path, spooled):
    state, url = server
    heading = ("server", "queue", "event", "save() p50", "p99", "p99.9", "new() to save() p50", "p99")
    rows = tables.setdefault("Event.save(), microseconds, 1 ms between two", [heading])

    for told in run(TIMING, url, str(tmp_path / "spool") if spooled else "", str(EVENTS), "0.001"):
        save, whole = told["save"], told["whole"]
        rows.append(
            (
                state,
                "spool" if spooled else "memory",
                told["event"],
                *(microseconds(save, share) for share in (0.5, 0.99, 0.999)),
                *(microseconds(whole, share) for share in (0.5, 0.99)),
            )
        )

    assert len(rows) > 1


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_memory_while_the_server_is_down(tables, tmp_path: Path, spooled):
    url = f"http://127.0.0.1:{free_port()}"
    spool = tmp_path / "spool"
    rows = tables.setdefault(
        f"{MANY:,} events, the server down", [("queue", "RSS before MB", "peak MB", "dropped", "file MB", "events/s")]
    )

    (told,) = run(FILLING, url, str(spool) if spooled else "", str(MANY), "0")

    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    rows.append(
        (
            "spool" if spooled else "memory",
            f"{told['before'] / 1e6:.1f}",
            f"{told['peak'] / 1e6:.1f}",
            f"{told['dropped']:,}",
            f"{size / 1e6:.0f}",
            f"{MANY / told['seconds']:,.0f}",
        )
    )
    assert told["peak"] - told["before"] < 64_000_000


IMPORTS = {
    "http.client, ssl, json": "import http.client, ssl, json",
    "import tocsin_client": "import tocsin_client",
    "from tocsin_client import Event": "from tocsin_client import Event",
    "… and Event.new()": "from tocsin_client import Event; Event.new('x')",
    "… and Client": "from tocsin_client import Event, Client",
    "… and a first event queued": (
        "from tocsin_client import Event, configure; configure('http://127.0.0.1:9', 'k'); Event.new('x', a=1).save()"
    ),
}


def seconds(python: str, script: str) -> float:
    """What a script takes in a fresh interpreter that has started already."""
    timed = (
        f"import sys, time; sys.path.insert(0, {str(LIBRARY.parent)!r}); began = time.perf_counter()\n{script}\n"
        "print(time.perf_counter() - began, flush=True)\nimport os; os._exit(0)"
    )
    done = subprocess.run([python, "-I", "-c", timed], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.mark.parametrize("version", pythons())
def test_imports(tables, version):
    python = pythons()[version]
    best = {what: min(seconds(python, script) for _ in range(ROUNDS)) for what, script in IMPORTS.items()}
    base = best["http.client, ssl, json"]
    rows = tables.setdefault("imports, ms (the best of some), and beside HTTP, TLS and JSON", [("Python", *IMPORTS)])

    rows.append((version, *(f"{took * 1e3:.1f} ({took / base:.2f})" for took in best.values())))

    assert best["import tocsin_client"] < base
