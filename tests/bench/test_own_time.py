"""How long functions take themselves, AWS's part left out: in PutItems of a bare botocore client, of the same run.

The processor's time of all threads, the least of several rounds, in each of which both sides take their turn. AWS's
answers are replayed (`replay`), and webhooks go to a server in a process of its own. Both sides sign in Python, as on
Lambda, which has no AWS CRT.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import botocore.auth
import botocore.session
import pytest
from botocore.auth import SigV4Auth

from local.cost.bill import Prices
from local.cost.stage import Context, Stage, request, staged
from local.cost.workload import record
from tests.bench.replay import Replay
from tocsin.deliveries.model import DeliveryMessage
from tocsin.events.model import Event
from tocsin.events.store import event_item
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.model import Severity

ROUNDS = 8
RULES = 1_000
ENDPOINT = """
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200); self.send_header("content-length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def scene() -> Iterator[tuple[Stage, Replay, Callable[[], object], int]]:
    """Functions, replayed answers, the reference, and the port of an endpoint."""
    replay = Replay()
    with subprocess.Popen([sys.executable, "-c", ENDPOINT], stdout=subprocess.PIPE) as endpoint:
        assert endpoint.stdout is not None
        port = int(endpoint.stdout.readline())
        with replay.installed(), staged(Prices.read().assumed) as stage, pytest.MonkeyPatch.context() as patch:
            patch.setitem(botocore.auth.AUTH_TYPE_MAPS, "v4", SigV4Auth)
            bare = botocore.session.Session().create_client("dynamodb", region_name="us-east-1")
            item: Any = event_item(event(0), None)
            try:
                yield stage, replay, lambda: bare.put_item(TableName="events", Item=item), port
            finally:
                endpoint.terminate()


def event(number: int, action: str = "login") -> Event:
    """An event of some 600 bytes."""
    user = {"username": "alice", "pk": 7, "email": "alice@example.com"}
    context = {"auth_method": "password", "number": number, "note": "x" * 400}
    return Event(new_id(), action, "shop", user, context, "203.0.113.7", "default", None)


@contextmanager
def _silent(replay: Replay) -> Iterator[io.StringIO]:
    with redirect_stdout(io.StringIO()) as written:
        replay.on = True
        try:
            yield written
        finally:
            replay.on = False


def measured(scene: Any, work: Callable[[], object], units: int, times: int) -> tuple[str, str, str]:
    """(PutItems a unit, calls a unit, milliseconds a unit)."""
    _, replay, reference, _ = scene
    with _silent(replay):
        best, best_reference = float("inf"), float("inf")
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(50):
                reference()
            best_reference = min(best_reference, (time.process_time() - began) / 50)
            replay.calls = 0
            began = time.process_time()
            for _ in range(times):
                work()
            best = min(best, (time.process_time() - began) / times / units)
        calls = replay.calls / times / units
    return f"{best / best_reference:.2f}", f"{calls:.2f}", f"{best * 1000:.3f}"


def _row(tables: Any, title: str, what: str, cells: tuple[str, str, str]) -> None:
    heading = (title, "PutItems", "calls to AWS", "ms")
    tables.setdefault("Own time", [("what", *heading[1:])]).append((f"{title}: {what}", *cells))


INGEST = {"single": (1, False), "in 100": (100, False), "in 500": (500, False), "in 100, own ids": (100, True)}


@pytest.mark.parametrize("name", INGEST)
def test_ingest(scene: Any, tables: Any, name: str) -> None:
    stage, replay, *_ = scene
    count, own_ids = INGEST[name]
    sent = [
        {key: value for key, value in event(at).to_json().items() if key in {"action", "app", "user", "context"}}
        | {"client_ip": "203.0.113.7"}
        | ({"id": new_id()} if own_ids else {})
        for at in range(count)
    ]
    posted = request(json.dumps(sent[0] if count == 1 else sent))
    invoked, _ = _warm(stage, replay, "ingest", posted)

    _row(tables, "ingest, an event", name, measured(scene, invoked, count, 200 // count + 1))


def _configured(stage: Stage, replay: Replay, **document: Any) -> None:
    """Publishes through the API: addresses of webhooks are secrets, which it stores apart."""
    given = {
        "users": [{"username": "alice", "email": "alice@example.com"}],
        "groups": [{"name": "oncall", "members": ["alice"]}],
    } | document
    answer = stage.invoke("api", request(json.dumps(given), "/blueprint", "PUT")).answer
    assert answer["statusCode"] == 200, answer["body"]
    replay.forget()


def _warm(stage: Stage, replay: Replay, name: str, asked: Any) -> tuple[Callable[[], Any], str]:
    """One invocation of a function whose init is new, and what its first one wrote; what that read is kept."""
    stage._functions.pop(name, None)
    handler = stage.function(name).handler
    with _silent(replay) as written:
        answer = handler(asked, Context())
    assert answer.get("statusCode", 200) < 300 and not answer.get("batchItemFailures"), answer
    return lambda: handler(asked, Context()), written.getvalue()


@pytest.mark.parametrize("firing", [0, 10, 100])
def test_matcher(scene: Any, tables: Any, firing: int) -> None:
    stage, replay, *_ = scene
    policies = [
        {"name": f"p{n}", "kind": "event_matcher", "action": f"action_{n % 40}", "app": f"app-{n}"}
        for n in range(RULES - 1)
    ]
    policies.append({"name": "told", "kind": "event_matcher", "action": "login_failed"})
    told = {"transports": ["inbox"], "destination_group": "oncall"}
    _configured(
        stage,
        replay,
        transports=[{"name": "inbox", "mode": "local"}],
        policies=policies,
        rules=[{"name": f"r{p['name']}", "bindings": [{"policy": p["name"]}], **told} for p in policies],
    )
    batch = [event(at, "login_failed" if at < firing else "login") for at in range(100)]
    records = {"Records": [record(event_item(each, None), at) for at, each in enumerate(batch)]}
    invoked, _ = _warm(stage, replay, "matcher", records)

    _row(tables, "matcher, 100 records", f"{firing} fire", measured(scene, invoked, 1, 2))


@pytest.mark.parametrize("mode", ["webhook", "webhook_slack", "email", "local"])
def test_delivery(scene: Any, tables: Any, mode: str) -> None:
    stage, replay, _, port = scene
    name = {"webhook_slack": "slack", "local": "inbox"}.get(mode, mode)
    url = {"url": f"http://127.0.0.1:{port}/{mode}"} if mode.startswith("webhook") else {}
    rules = [{"name": "told", "transports": [mode]}]  # of a rule that is gone the configuration would be read anew
    _configured(stage, replay, transports=[{"name": mode, "mode": mode} | url], policies=[], rules=rules)
    records = []
    for at in range(10):
        about = event(at, "login_failed")
        person = User("alice", "alice@example.com")
        message = DeliveryMessage(about.id, "told", Severity.WARNING, mode, mode, person, False, about, paced=True)
        received = {"messageId": f"m{at}", "receiptHandle": f"r{at}", "attributes": {"ApproximateReceiveCount": "1"}}
        records.append(received | {"body": message.to_body()})
    invoked, written = _warm(stage, replay, name, {"Records": records})
    assert written.count('"state":"delivered"') == len(records), written

    _row(tables, "a delivery, of ten", name, measured(scene, invoked, len(records), 3))
