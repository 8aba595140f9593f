"""The three tables and the queues on moto, made from template.yaml, so that they are what is deployed."""

import importlib.util
import json
import math
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.secretsmanager.models import secretsmanager_backends
from moto.sesv2.models import sesv2_backends
from moto.sqs.models import sqs_backends

from local.corrections.late_reads import LateReads
from tests import quick_calls, quick_items
from tests.expanded_template import ROOT, expanded_template
from tests.integration.role_policies import DEAD_LETTERS, Recorder, as_text, enforced, from_text, grants, spare
from tests.moto_as_aws import Moto, installed
from tocsin.aws import clients, metrics
from tocsin.events.store import event_text

if TYPE_CHECKING:
    from local.sinks import Sinks
    from tests.integration.delivery_world import World

REGION = "eu-central-1"
QUEUES = ("Webhook", "Slack", "Email", "Inbox", "Match")
RECORDER = Recorder(set())
"""What functions used of their roles, in this process."""
_TABLES: list[bytes] = []
"""The tables as they were first made, without an item: copied for each test, in a tenth of the time of making them."""
_QUEUE_URLS: dict[str, str] = {}
"""By the queues' names. Queues are made for each test, too, by moto itself: botocore took most of a stack's time."""


@dataclass
class LambdaContext:
    """What a handler may ask of its invocation."""

    function_name: str = "tocsin-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:tocsin-test"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass
class Stack:
    """The tables and queues of one test, and its functions, loaded with their environment."""

    monkeypatch: pytest.MonkeyPatch
    dynamodb: Any
    sqs: Any
    ses: Any
    queues: dict[str, str]
    admin_key: str
    context: LambdaContext = field(default_factory=LambdaContext)

    def function(self, name: str) -> ModuleType:
        """`functions/<name>/app.py`, loaded anew: its init reads this stack's environment."""
        queue = {"webhook": "Webhook", "slack": "Slack", "email": "Email", "inbox": "Inbox"}.get(name)
        if queue:
            self.monkeypatch.setenv("QUEUE_URL", self.queues[queue])
        self.monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", name)
        spec = importlib.util.spec_from_file_location(f"app_{name}", ROOT / "functions" / name / "app.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.handler = RECORDER.in_role_of(name, module.handler)  # type: ignore[attr-defined]
        return module

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """One cold invocation of a function."""
        answer: dict[str, Any] = self.function(name).handler(event, self.context)
        return answer

    def messages(self, queue: str, at_most: int = 1000) -> list[dict[str, Any]]:
        """Take what waits in a queue; each as its parsed body."""
        found: list[dict[str, Any]] = []
        while len(found) < at_most:
            received = self.sqs.receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10).get("Messages")
            if not received:
                return found
            for message in received:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queues[queue], ReceiptHandle=message["ReceiptHandle"])
        return found

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table, as they are now; past botocore, which takes most of the time of a scan."""
        return [quick_items.as_told(item) for item in self._table(table).all_items()]

    def put_back(self, table: str, items: Iterable[dict[str, Any]]) -> None:
        """Have a table hold these items and no others."""
        there = self._table(table)
        there.items.clear()
        for item in items:
            there.put_item(item)

    def _table(self, name: str) -> Table:
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[name]

    def events(self) -> list[dict[str, Any]]:
        """All stored events."""
        return [json.loads(event_text(item)) for item in self.items("events") if "event" in item]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries take no time."""
    monkeypatch.setattr("tocsin.aws.retry.time.sleep", lambda _: None)


@pytest.fixture(scope="session", autouse=True)
def moto() -> Iterator[Moto]:
    """moto, as AWS: its operations are atomic, and it refuses what AWS refuses; reached without a network's work."""
    with installed() as moto, pytest.MonkeyPatch.context() as patch:
        quick_calls.install(patch)
        quick_items.install(patch)
        yield moto


@pytest.fixture(scope="session", autouse=True)
def roles() -> Iterator[None]:
    """Holds each function to its role: see tests/integration/role_policies.py."""
    with enforced(RECORDER):
        yield


@pytest.fixture
def late_reads(moto: Moto) -> Iterator[LateReads]:
    """Has each read that need not be consistent give what was when the test began, until `late_reads.catch_up()`.

    Tests that look at a table themselves ask for a consistent read.
    """
    moto.late_reads.bound_s = math.inf
    yield moto.late_reads
    moto.late_reads.bound_s = 0
    moto.late_reads.catch_up()


@pytest.fixture
def load() -> Callable[[str], dict[str, Any]]:
    """`load("ingest-single")` is that file of events/."""

    def load_payload(name: str) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))
        return payload

    return load_payload


@pytest.fixture(scope="package")
def aws() -> Iterator[Callable[[str], Any]]:
    """moto in force, for all tests of a row: beginning costs it as much as a test does. Gives clients, by service.

    Clients stay from test to test, those of the functions too: who registers a handler with one takes it back.
    """
    with mock_aws():
        yield cache(boto3.client)
    clients.forget()


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, aws: Callable[[str], Any]) -> Iterator[Stack]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "EVENTS_TABLE": "events",
        "EVENT_INDEXES": "user_pk,client_ip",
        "CONFIG_TABLE": "config",
        "DELIVERIES_TABLE": "deliveries",
        "MAIL_SENDER": "tocsin@example.com",
        "POWERTOOLS_METRICS_NAMESPACE": "tocsin-test",
        "LIVE_ENDPOINT": f"https://live1.execute-api.{REGION}.amazonaws.com/live",
        "EXPORTS_BUCKET": "exports-bucket",
        "API_URL": f"https://api1.execute-api.{REGION}.amazonaws.com",
        "ALLOW_HTTP": "true",
        "ALLOWED_PORTS": "*",
        "ALLOWED_CIDRS": "127.0.0.0/8",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    BackendDict.reset()
    dynamodb = aws("dynamodb")
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
    if not _TABLES:
        for table in ("Events", "Config", "Deliveries"):
            _make_table(dynamodb, f"{table}Table", table.lower())
        _TABLES.append(pickle.dumps(tables))
    tables.update(pickle.loads(_TABLES[0]))
    sqs = aws("sqs")
    queues = {name: _make_queue(sqs, name) for name in (*QUEUES, *DEAD_LETTERS)}
    for queue in QUEUES:
        monkeypatch.setenv(f"{queue.upper()}_QUEUE_URL", queues[queue])
    monkeypatch.setenv("MATCH_DEAD_LETTERS_URL", queues["MatchDeadLetters"])
    monkeypatch.setenv("WATCHED_QUEUES", _named(queues, QUEUES))
    monkeypatch.setenv("DEAD_LETTERS", _named(queues, DEAD_LETTERS))
    sesv2_backends[DEFAULT_ACCOUNT_ID][REGION].create_email_identity("tocsin@example.com", None, None, None)
    monkeypatch.setenv("ADMIN_KEY_SECRET", _make_secret("admin", "a" * 48))
    yield Stack(monkeypatch, dynamodb, sqs, aws("sesv2"), queues, admin_key="a" * 48)
    metrics.flush()  # of what no handler ended


def _make_queue(sqs: Any, name: str) -> str:
    """Make a queue; its URL."""
    if name in _QUEUE_URLS:
        sqs_backends[DEFAULT_ACCOUNT_ID][REGION].create_queue(name)
    else:
        _QUEUE_URLS[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
    return _QUEUE_URLS[name]


def _make_secret(name: str, value: str) -> str:
    """Make a secret; its ARN."""
    nothing = ("secret_binary", "kms_key_id", "client_request_token")
    made: Any = secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].create_secret(
        name, value, description="", tags=[], replica_regions=[], force_overwrite=False, **dict.fromkeys(nothing)
    )
    arn: str = json.loads(made)["ARN"]
    return arn


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker's functions used of their roles."""
    RECORDER.used |= from_text(getattr(node, "workeroutput", {}).get("used_of_roles", "[]"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on what functions used of their roles; at the end of a whole run that passed, fail for what is spare."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["used_of_roles"] = as_text(RECORDER.used)
    elif _is_whole(session) and any(spare(RECORDER.used, grants()).values()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say for each function what its role grants, and what of that no call used."""
    session: pytest.Session = terminalreporter._session
    if not _is_whole(session):
        return
    terminalreporter.section("roles: what functions' code is granted, and what no call used")
    for function, unused in spare(RECORDER.used, grants()).items():
        granted = sum(each.function == function for each in grants())
        terminalreporter.write_line(f"{function:<12} granted {granted:>3}  spare {len(unused)}  missing 0")
        for grant in unused:
            terminalreporter.write_line(f"  spare: {grant}", red=True)


def _is_whole(session: pytest.Session) -> bool:
    """Whether all tests of this directory ran and none failed: else a call that is not made says nothing."""
    here = Path(__file__).parent
    named = {(session.config.invocation_params.dir / argument).resolve() for argument in session.config.args}
    option = session.config.option
    return bool({here, here.parent} & named) and not option.keyword and not session.testsfailed


@pytest.fixture
def world(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> "World":
    """Deliveries on the stack's tables and queues."""
    from tests.integration.delivery_world import World

    return World(stack, monkeypatch)


@pytest.fixture
def sinks() -> Iterator["Sinks"]:
    """Real HTTP servers on 127.0.0.1."""
    from local.sinks import Sinks

    with Sinks.started() as started:
        yield started


def _named(queues: dict[str, str], names: Iterable[str]) -> str:
    """As the template names queues to GET /status: webhook=https://…"""
    short = {name: name.removesuffix("DeadLetters").removesuffix("Failures").lower() for name in names}
    return " ".join(f"{short[name]}={queues[name]}" for name in names)


def _make_table(dynamodb: Any, resource: str, name: str) -> None:
    properties = expanded_template()["Resources"][resource]["Properties"]
    taken = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    dynamodb.create_table(TableName=name, **{key: properties[key] for key in taken if key in properties})
