"""The functions on moto, warm: tables and memory sizes from template.yaml, and what an invocation uses."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from local.corrections import moto_partiql
from local.cost.meter import Meter, Usage
from local.workspace import ROOT
from tocsin.aws import clients
from tocsin.aws.logging import logger

TABLES = {"EventsTable": "events", "ConfigTable": "config", "DeliveriesTable": "deliveries"}
QUEUES = ("Webhook", "Slack", "Email", "Inbox", "Match")
VCPU_MB = 1769
"""Megabytes of a function that has one processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
TRACE = "Root=1-6923a1b2-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0"


class Context:
    """What a handler asks of its invocation."""

    function_name = "tocsin-function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:tocsin-function"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """Half a minute."""
        return 30_000


@dataclass(slots=True)
class Invocation:
    """What one invocation answered and used."""

    answer: Any
    usage: Usage
    calls: int
    """Of AWS."""


@dataclass
class Stage:
    """Tables, queues and functions of one run."""

    dynamodb: Any
    sqs: Any
    queues: dict[str, str]
    assumed: Mapping[str, Any]
    template: Mapping[str, Any]
    _functions: dict[str, ModuleType] = field(default_factory=dict)

    def function(self, name: str) -> ModuleType:
        """The function's module, whose init ran when it was first asked for."""
        if name not in self._functions:
            queue = name.capitalize()
            os.environ |= {"POWERTOOLS_SERVICE_NAME": name, "QUEUE_URL": self.queues.get(queue, "")}
            spec = importlib.util.spec_from_file_location(f"cost_{name}", ROOT / "functions" / name / "app.py")
            if spec is None or spec.loader is None:
                raise LookupError(f"there is no function {name}")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._functions[name] = module
        return self._functions[name]

    def memory_mb(self, name: str) -> int:
        """How much memory template.yaml gives a function."""
        own = self.template["Resources"][f"{name.capitalize()}Function"]["Properties"].get("MemorySize")
        return int(own or self.template["Globals"]["Function"]["MemorySize"])

    @property
    def platform_log_bytes(self) -> int:
        """What Lambda itself writes to the log of an invocation that goes well."""
        logging = self.template["Globals"]["Function"].get("LoggingConfig", {})
        quiet = logging.get("LogFormat") == "JSON" and logging.get("SystemLogLevel") == "WARN"
        return int(self.assumed["platform_log_bytes"]["json_warn" if quiet else "text"])

    def invoke(self, name: str, event: Mapping[str, Any], *, endpoints: int = 0) -> Invocation:
        """One invocation of a warm function; `endpoints`, how many answers of others it waits for in turn."""
        handler = self.function(name).handler
        meter = Meter(self.dynamodb, self.assumed)
        written = io.StringIO()
        with redirect_stdout(written), meter.running():
            began = time.process_time()
            answer = handler(event, Context())
            own_s = time.process_time() - began - meter.emulated_s
        usage = meter.usage
        memory = self.memory_mb(name)
        waited_ms = meter.waited_ms / _parallel(meter.spans) + endpoints * self.assumed["endpoint_ms"]
        duration_s = (self.assumed["runtime_ms"] + waited_ms) / 1000 + max(0.0, own_s) / min(1.0, memory / VCPU_MB)
        lines = written.getvalue().splitlines()
        usage[f"lambda.requests:{name}"] += 1
        usage[f"lambda.gb_s:{name}"] += duration_s * memory / 1024
        usage[f"logs.bytes:{name}"] += self.platform_log_bytes + sum(
            len(line.encode()) + self.assumed["log_event_bytes"] for line in lines
        )
        return Invocation(answer, usage, len(meter.spans))

    def take(self, queue: str, at_most: int) -> list[dict[str, Any]]:
        """Messages of a queue, as records of an SQS event; they are deleted, as Lambda does."""
        records: list[dict[str, Any]] = []
        while len(records) < at_most:
            asked = min(10, at_most - len(records))
            received = self.sqs.receive_message(
                QueueUrl=self.queues[queue], MaxNumberOfMessages=asked, AttributeNames=["All"]
            ).get("Messages", [])
            if not received:
                break
            for message in received:
                self.sqs.delete_message(QueueUrl=self.queues[queue], ReceiptHandle=message["ReceiptHandle"])
                records.append(
                    {
                        "messageId": message["MessageId"],
                        "receiptHandle": message["ReceiptHandle"],
                        "body": message["Body"],
                        "attributes": message["Attributes"],
                        "eventSource": "aws:sqs",
                    }
                )
        return records


def _parallel(spans: list[tuple[float, float]]) -> float:
    """How many calls were under way at once, on average of the time that any was; 1 at least."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return max(1.0, sum(end - start for start, end in spans) / covered) if covered else 1.0


@contextmanager
def staged(
    assumed: Mapping[str, Any],
    template_path: Path = ROOT / "template.yaml",
    indexes: str | None = None,
    log_level: str | None = None,
) -> Iterator[Stage]:
    """Tables and queues on moto, and the environment that functions read at init.

    `indexes` is the parameter EventIndexes, `log_level` LogLevel; None for their defaults.
    """
    template = yaml_parse(template_path.read_text("utf-8"))
    before = dict(os.environ)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "tocsin",
        "LOG_LEVEL": "INFO",
        "MAIL_SENDER": "tocsin@example.com",
        "MAIL_PER_SECOND": "500",
        "LIVE_ENDPOINT": "https://live1.execute-api.us-east-1.amazonaws.com/live",
        "API_URL": "https://api1.execute-api.us-east-1.amazonaws.com",
        "EXPORTS_BUCKET": "exports",
        "EVENT_INDEXES": indexes or template["Parameters"]["EventIndexes"]["Default"],
        "ALLOW_HTTP": "true",
        "ALLOWED_PORTS": "*",
        "ALLOWED_CIDRS": "127.0.0.0/8",
        "_X_AMZN_TRACE_ID": TRACE,
        "LAMBDA_TASK_ROOT": "/var/task",
        **{f"{name.upper()}_TABLE": name for name in TABLES.values()},
    }
    os.environ.pop("AWS_ENDPOINT_URL", None)
    level = logger.level
    logger.setLevel(log_level or template["Parameters"]["LogLevel"]["Default"])  # its module may be loaded already
    clients.forget()
    with mock_aws(), moto_partiql.installed():
        dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        for resource, name in TABLES.items():
            properties = template["Resources"][resource]["Properties"]
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            dynamodb.create_table(TableName=name, **{key: properties[key] for key in wanted if key in properties})
        queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in (*QUEUES, "MatchDeadLetters")}
        os.environ |= {f"{name.upper()}_QUEUE_URL": queues[name] for name in QUEUES}
        os.environ |= {"MATCH_DEAD_LETTERS_URL": queues["MatchDeadLetters"], "WATCHED_QUEUES": "", "DEAD_LETTERS": ""}
        boto3.client("sesv2").create_email_identity(EmailIdentity="tocsin@example.com")
        secret = boto3.client("secretsmanager").create_secret(Name="admin", SecretString="a" * 48)["ARN"]
        os.environ |= {"ADMIN_KEY_SECRET": secret, "LINK_SECRET": secret}
        try:
            yield Stage(dynamodb, sqs, queues, assumed, template)
        finally:
            logger.setLevel(level)
            clients.forget()
            os.environ.clear()
            os.environ.update(before)


def request(body: str, path: str = "/events", method: str = "POST") -> dict[str, Any]:
    """A request as API Gateway hands it over, by a key with all scopes."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "ingest-single.json").read_text("utf-8"))
    event |= {"rawPath": path, "body": body, "isBase64Encoded": False}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "events:write events:read config:read config:write"
    return event
