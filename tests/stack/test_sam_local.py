"""The payloads of events/ through real `sam local invoke`, in containers, against the deployed stack's tables.

This needs a container engine, and a way for containers to reach the emulator on this machine's 127.0.0.1;
docs/sam-local.md tells how to give both, and without them the tests are skipped. One payload of each function is
tried by `make test`; the others are `exhaustive`.

Functions have the emulator's root user for credentials here: what their roles allow is tested elsewhere.
"""

import contextlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from local.processes import architecture, child_environment
from local.stack import BUILD, LocalStack
from local.workspace import ROOT
from tests.expanded_template import LOOP
from tests.stack.permissions import functions

type Payload = dict[str, Any]

# Where containers reach the emulator: any address whose port, on this machine's 127.0.0.1, is free for us.
ENDPOINT = os.environ.get("TOCSIN_ENDPOINT_IN_CONTAINERS", "")
INVOCATION_S = 180  # the first of each set of layers builds an image

# What the HTTP payloads are answered with; the tables they ask are those of the deployed stack.
STATUSES = {
    "api-deliveries": 404,
    "api-erasure": 202,
    "api-event": 404,
    "api-export": 202,
    "api-events-wrong-cursor": 422,
    "api-redrive": 202,
    "api-breaker": 404,
    "api-unknown-path": 404,
    "ingest-base64": 201,
    "ingest-batch": 200,
    "ingest-gzip": 200,
    "ingest-invalid": 422,
    "ingest-ndjson": 200,
    "ingest-no-key": 401,
    "ingest-once": 201,
    "ingest-single": 201,
}


def engine_socket() -> Path:
    """The container engine's socket: DOCKER_HOST's, or the usual one."""
    return Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))


def engine_answers() -> bool:
    """Whether a container engine answers GET /_ping (https://docs.docker.com/reference/api/engine/)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(engine_socket()))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(100)
    except OSError:
        return False


def cases() -> list[object]:
    """Every payload of events/ with the function that it is for; all but the first of each are `exhaustive`."""
    names = sorted(path.stem for path in (ROOT / "events").glob("*.json"))
    by_function = {function: [name for name in names if name.split("-")[0] == function] for function in functions()}
    return [
        pytest.param(function, name, id=name, marks=[pytest.mark.exhaustive] if number else [])
        for function, own in by_function.items()
        for number, name in enumerate(own)
    ]


class Relay(socketserver.ThreadingTCPServer):
    """Passes connections to a port of 127.0.0.1 on to another one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, target: int) -> None:
        """Listens from now on; `serve_forever` serves."""
        super().__init__(("127.0.0.1", port), _Passing)
        self.target = target


class _Passing(socketserver.BaseRequestHandler):
    server: Relay
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target), timeout=120) as there:
            back = threading.Thread(target=_pass, args=(there, self.request), daemon=True)
            back.start()
            _pass(self.request, there)
            back.join(timeout=120)


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def engine() -> None:
    """A container engine, whose containers reach the emulator; skips where there is none."""
    if sys.platform == "win32" or not engine_answers():
        pytest.skip("no container engine answers; see docs/sam-local.md")
    if not ENDPOINT:
        pytest.skip("TOCSIN_ENDPOINT_IN_CONTAINERS does not say where containers reach us; see docs/sam-local.md")


@pytest.fixture(scope="module")
def invocable(engine: None, stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with what was built, as a template whose functions use the deployed stack."""
    directory = tmp_path_factory.mktemp("sam-local")
    template = yaml.safe_load((BUILD / "build/template.yaml").read_text(encoding="utf-8"))
    for name, resource in template["Resources"].items():
        if name.startswith(LOOP):  # no loop makes functions or layers
            continue
        for code in ("CodeUri", "ContentUri"):
            if code in resource.get("Properties", {}):
                resource["Properties"][code] = str(BUILD / "build" / resource["Properties"][code])
    # sam hands over only those variables that the template names.
    template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ENDPOINT
    (directory / "template.yaml").write_text(yaml.safe_dump(template), encoding="utf-8")
    (directory / "variables.json").write_text(json.dumps(variables(stack)), encoding="utf-8")
    (directory / "home").mkdir()
    # It looks for a newer version of itself once a week; this says that it just did.
    checked = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (directory / "home/metadata.json").write_text(json.dumps(checked), encoding="utf-8")
    with Relay(int(urlsplit(ENDPOINT).port or 80), stack.emulator.port) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield directory
        relay.shutdown()


def logical(function: str) -> str:
    """The function's logical name in the template."""
    return f"{function.capitalize()}Function"


def variables(stack: LocalStack) -> Payload:
    """The environment of each function as it is deployed: tables, queues, secrets."""
    return {
        logical(name): stack.aws.awslambda.get_function_configuration(
            FunctionName=f"{stack.deployed.stack_name}-{name}"
        )["Environment"]["Variables"]
        | {"AWS_ENDPOINT_URL": ENDPOINT}
        for name in functions()
    }


def sam_local_invoke(
    stack: LocalStack, directory: Path, function: str, payload: str
) -> subprocess.CompletedProcess[str]:
    """Runs the function in a container; what it answers is on stdout, sam's words and the log are on stderr."""
    command = [
        *(shutil.which("sam", path=str(Path(sys.executable).parent)) or "sam", "local", "invoke", logical(function)),
        *("--template", str(directory / "template.yaml"), "--event", str(ROOT / "events" / f"{payload}.json")),
        *("--env-vars", str(directory / "variables.json"), "--skip-pull-image", "--language-extensions"),
        *("--layer-cache-basedir", str(directory / "layers")),
        *("--parameter-overrides", f"Architecture={architecture()}"),
    ]
    environment = child_environment(
        **stack.aws.environment(),
        DOCKER_HOST=f"unix://{engine_socket()}",
        SAM_CLI_TELEMETRY="0",
        __SAM_CLI_APP_DIR=str(directory / "home"),
    )
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=INVOCATION_S, check=False
    )


def is_good(function: str, payload: str, answer: Any) -> bool:
    """Whether that is what the function answers to the payload."""
    match function, answer:
        case (("api" | "ingest"), {"statusCode": status}):
            return bool(status == STATUSES.get(payload, 200))
        case "authorizer", {"isAuthorized": True, "context": {"error": _}}:  # its keys are none of this stack's
            return True
        case (("matcher" | "webhook" | "slack" | "email" | "inbox"), {"batchItemFailures": []}):
            return True
        case "rollup", {"batchItemFailures": []} | {"hours": _, "events": _, "left": _} | {"marked": _}:
            return True
        case "redrive", {"due": _}:
            return True
        case "jobs", {"steps": _}:
            return True
        case "feedback", {"stopped": _}:
            return True
        case _:
            return False


@pytest.mark.parametrize(("function", "payload"), cases())
def test_a_payload_of_events_goes_through_sam_local_invoke(
    stack: LocalStack, invocable: Path, function: str, payload: str
) -> None:
    run = sam_local_invoke(stack, invocable, function, payload)

    print(f"$ sam local invoke {logical(function)} -e events/{payload}.json\n{run.stderr}\n{run.stdout}")
    assert run.returncode == 0, run.stderr
    # sam's status is 0 even where the handler raised, or ran out of time: the answer tells.
    assert is_good(function, payload, json.loads(run.stdout.strip().splitlines()[-1])), run.stderr


def test_every_function_has_a_payload_and_every_payload_a_function() -> None:
    prefixes = {path.stem.split("-")[0] for path in (ROOT / "events").glob("*.json")}

    assert prefixes == set(functions())
