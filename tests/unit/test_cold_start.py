"""Cold start is a budget: what each function of the hot path loads at init, and what it must not.

Each function is loaded by itself in a fresh interpreter, as Lambda does it. Modules are counted rather than
milliseconds, which depend on the machine: what counts are those beyond `import boto3` and one client, which every
function pays for. `pytest --junit-xml` tells the milliseconds of each.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROBE = """
import json, runpy, socket, sys, time

def refuse(*_):
    raise AssertionError("nothing is to be connected to at init")

socket.socket.connect = socket.socket.connect_ex = refuse
begun = time.perf_counter()
runpy.run_path(sys.argv[1], run_name="app") if len(sys.argv) > 1 else __import__("boto3").client("dynamodb")
took = (time.perf_counter() - begun) * 1000
print(json.dumps({"milliseconds": round(took), "modules": sorted(sys.modules)}))
"""

VARIABLES = (
    "EVENTS_TABLE",
    "CONFIG_TABLE",
    "DELIVERIES_TABLE",
    "ADMIN_KEY_SECRET",
    "QUEUE_URL",
    "MATCH_QUEUE_URL",
    "WEBHOOK_QUEUE_URL",
    "SLACK_QUEUE_URL",
    "EMAIL_QUEUE_URL",
    "INBOX_QUEUE_URL",
    "MATCH_DEAD_LETTERS_URL",
    "MAIL_SENDER",
)

NEVER = {
    "yaml",
    "cel_expr_python",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.data_classes",
    "tocsin.api",
    "tocsin.blueprint",
    "tocsin.management",
}
HTTP = {"requests", "tocsin.outbound.client", "tocsin.outbound.tls"}
MAIL = {"jinja2", "markupsafe", "tocsin.rendering.mail", "tocsin.rendering.custom"}
TELLING = {"tocsin.rendering", "tocsin.deliveries.courier", "tocsin.outbound", "standardwebhooks"}
RULES = {"tocsin.rules", "tocsin.patterns", "tocsin.expressions", "tocsin.matching"}


@dataclass(frozen=True)
class Budget:
    """How many modules a function may load beyond the base, and which never."""

    modules: int
    never: set[str]


BUDGETS = {
    "authorizer": Budget(130, HTTP | MAIL | TELLING | RULES | {"tocsin.store.configuration"}),
    "ingest": Budget(180, HTTP | MAIL | TELLING | {"tocsin.matching", "tocsin.store.people"}),
    "matcher": Budget(200, HTTP | MAIL | {"tocsin.outbound", "standardwebhooks"}),
    "webhook": Budget(330, MAIL | {"tocsin.matching", "tocsin.store.people"}),
    "slack": Budget(330, MAIL | {"tocsin.matching", "tocsin.store.people"}),
    "email": Budget(240, HTTP | {"tocsin.outbound", "standardwebhooks", "tocsin.matching", "tocsin.store.people"}),
    "inbox": Budget(200, HTTP | MAIL | {"tocsin.outbound", "standardwebhooks", "tocsin.matching"}),
}


@dataclass(frozen=True)
class Loaded:
    """What a fresh interpreter has loaded."""

    milliseconds: int
    modules: frozenset[str]


def load(*arguments: str) -> Loaded:
    environment = dict.fromkeys(VARIABLES, "http://127.0.0.1/x") | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers" / "core"),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "test",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return Loaded(told["milliseconds"], frozenset(told["modules"]))


@pytest.fixture(scope="module")
def base() -> Loaded:
    """boto3 and one client."""
    return load()


@pytest.fixture(scope="module")
def loaded() -> Callable[[str], Loaded]:
    """What a function loads; each is loaded once."""
    known: dict[str, Loaded] = {}

    def of(function: str) -> Loaded:
        if function not in known:
            known[function] = load(str(ROOT / "functions" / function / "app.py"))
        return known[function]

    return of


@pytest.mark.parametrize("function", BUDGETS)
def test_a_function_of_the_hot_path_does_not_load_what_it_does_not_use(
    function: str, loaded: Callable[[str], Loaded]
) -> None:
    modules = loaded(function).modules

    assert not modules & (NEVER | BUDGETS[function].never)
    assert "tocsin.settings" in modules


@pytest.mark.parametrize("function", BUDGETS)
def test_a_function_of_the_hot_path_keeps_to_its_budget(
    function: str,
    base: Loaded,
    loaded: Callable[[str], Loaded],
    record_property: Callable[[str, object], None],
) -> None:
    own = loaded(function)
    record_property("milliseconds", own.milliseconds)
    record_property("milliseconds_of_boto3_alone", base.milliseconds)

    more = own.modules - base.modules

    assert len(more) <= BUDGETS[function].modules, sorted(more)
    assert len(own.modules) <= 1.75 * len(base.modules)


def test_the_budget_is_no_alms(base: Loaded, loaded: Callable[[str], Loaded]) -> None:
    """A budget far above what is used would let anything in."""
    for function, budget in BUDGETS.items():
        assert len(loaded(function).modules - base.modules) > 0.75 * budget.modules, function


def test_the_api_alone_reads_yaml(loaded: Callable[[str], Loaded]) -> None:
    assert "yaml" in loaded("api").modules


def test_the_runtime_of_expressions_is_loaded_by_who_evaluates_one(loaded: Callable[[str], Loaded]) -> None:
    for function in (*BUDGETS, "api"):
        assert "cel_expr_python" not in loaded(function).modules, function


def test_every_function_that_is_fed_by_events_has_a_budget_or_runs_by_the_clock() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}

    assert functions - BUDGETS.keys() <= {"api", "redrive", "feedback", "rollup"}
