"""A workload through the real code: what its events use, by the sizes of batches that its rate makes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.corrections.item_size import item_bytes
from local.cost.meter import Usage, add, used
from local.cost.stage import Stage, request
from local.sinks import Sinks
from local.workspace import ROOT
from tocsin.config.version_item import REFRESH

SAMPLE = 100
"""Events that are driven through the code, about: what a million uses is that, times as many."""

_MODES = {"webhook": "Webhook", "webhook_slack": "Slack", "email": "Email", "local": "Inbox"}
_LANES = 4
"""How many batches of a shard Lambda has under way (ParallelizationFactor), and how often a second it asks each."""
_POLLERS = 5
"""Of a queue, to begin with: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
_DELIVERY_S = 0.2
_REQUEST_UNIT = 512 * 1024


@dataclass(frozen=True, slots=True)
class Workload:
    """What comes in, and whom it is told to."""

    rate: float = 100.0
    """Events a second."""
    batch: int = 1
    """Events a request."""
    size: int = 500
    """Bytes of an event's context, about."""
    share: float = 0.1
    """Which part of the events fires the rule."""
    recipients: int = 1
    modes: tuple[str, ...] = ("webhook",)
    retention_days: int = 365
    indexes: str | None = None
    """The parameter EventIndexes; None for its default."""
    tracing: str = "Active"
    """The parameter Tracing."""
    log_level: str | None = None
    """The parameter LogLevel; None for its default."""
    match_window: float = 0.0
    """The parameter MatchWindow, in seconds."""
    keys: int = 10
    """How many API keys post: what the authorizer says of one is remembered for a minute."""

    @property
    def posts(self) -> float:
        """Requests a second."""
        return self.rate / self.batch

    @property
    def shards(self) -> int:
        """Shards of the events table's stream: 4 to begin with, and one for each 1,000 write units a second."""
        return max(4, -int(-self.rate * 2 // 1000))

    @property
    def match_batch(self) -> int:
        """Records that the matcher gets at once: each lane of each shard is asked four times a second, or waits for
        `match_window`."""
        return _between(self.rate / (self.shards * _LANES) * max(0.25, self.match_window), 100)

    @property
    def rollup_batch(self) -> int:
        """Records that the roll-ups get at once: of two seconds, of a shard."""
        return _between(self.rate / self.shards * 2, 1000)

    @property
    def deliveries(self) -> float:
        """Deliveries a second, of all modes."""
        return self.rate * self.share * self.recipients * len(self.modes)

    def traced(self, invocations: float) -> float:
        """Traces an event of a function with so many invocations a second: the first of each second, and 5 % more."""
        if self.tracing != "Active":
            return 0.0
        return (min(1.0, invocations) + 0.05 * max(0.0, invocations - 1)) / self.rate

    def delivery_batch(self) -> int:
        """Messages that a transport's function gets at once: while its pollers are busy others gather."""
        return _between(self.deliveries / len(self.modes) * _DELIVERY_S / _POLLERS, 10) if self.modes else 1


def _between(wanted: float, most: int) -> int:
    return max(1, min(most, round(wanted)))


@dataclass(slots=True)
class Driven:
    """What one event of a workload uses, by stage, on average; and what passes whatever comes (`idle`), a second."""

    stages: dict[str, Usage] = field(default_factory=dict)
    idle: Usage = field(default_factory=used)
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds that one invocation of each function lasts."""

    def total(self) -> Usage:
        """Of all stages together."""
        found = used()
        for usage in self.stages.values():
            add(found, usage)
        return found


def configured(stage: Stage, workload: Workload, endpoint: str) -> None:
    """Publishes one rule, which `share` of the events fires, and its people and transports."""
    transports = [
        {"name": mode, "mode": mode} | ({"url": f"{endpoint}/{mode}/x"} if mode.startswith("webhook") else {})
        for mode in workload.modes
    ]
    people = [f"person-{number}" for number in range(workload.recipients)]
    document = {
        "users": [{"username": name, "email": f"{name}@example.com"} for name in people],
        "groups": [{"name": "oncall", "members": people}],
        "transports": transports,
        "policies": [{"name": "fires", "kind": "event_matcher", "action": "login_failed"}],
        "rules": [
            {
                "name": "told",
                "severity": "warning",
                "transports": [each["name"] for each in transports],
                "destination_group": "oncall",
                "bindings": [{"policy": "fires"}],
            }
        ],
    }
    answer = stage.invoke("api", request(json.dumps(document), "/blueprint", "PUT")).answer
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])


def events(workload: Workload, count: int) -> list[dict[str, Any]]:
    """Events as producers post them; the first of each ten, where a tenth fires, and so on, fire."""
    every = round(1 / workload.share) if workload.share else count + 1
    return [
        {
            "action": "login_failed" if number % every == 0 else "login",
            "app": "shop",
            "user": {"username": f"user-{number}", "pk": number},
            "client_ip": f"203.0.113.{number % 250}",
            "context": {"auth_method": "password", "note": _text(number, max(0, workload.size - 40))},
        }
        for number in range(count)
    ]


def _text(number: int, length: int) -> str:
    """Hexadecimal digits, another row of them for each number: compressed, they are a little more than half as long."""
    return hashlib.shake_256(str(number).encode()).hexdigest((length + 1) // 2)[:length]


def drive(stage: Stage, workload: Workload, sinks: Sinks, idle: Usage) -> Driven:
    """Drives about SAMPLE events of a workload; warms each function up before. `idle` is what `idles` counted."""
    driven = Driven(idle=idle)
    configured(stage, workload, sinks.url)
    stored = _ingest(stage, workload, driven)
    _follow(stage, workload, driven, stored)
    _deliver(stage, workload, driven, sinks, len(stored))
    return driven


def _ingest(stage: Stage, workload: Workload, driven: Driven) -> list[dict[str, Any]]:
    count = max(1, SAMPLE // workload.batch)
    sent = events(workload, (count + 1) * workload.batch)
    usage = used()
    for number in range(count + 1):
        some = sent[number * workload.batch : (number + 1) * workload.batch]
        body = json.dumps(some[0] if workload.batch == 1 else some)
        done = stage.invoke("ingest", request(body))
        if number:  # the first read the configuration
            add(usage, done.usage)
            usage["http_api.requests"] += requests_billed(len(body.encode()))
            usage["data_out.bytes"] += len(done.answer["body"]) + 300
            usage["logs.bytes:access"] += len(access_line(stage)) + stage.assumed["log_event_bytes"]
    items = _all(stage, "events")
    stored = [item for item in items if item["pk"]["S"].startswith("event#")]
    made = count * workload.batch
    asked_s = min(workload.posts, workload.keys / 60)  # what the authorizer says is remembered for a minute
    authorizer = stage.invoke(
        "authorizer",
        {"headers": {"authorization": f"Bearer {'a' * 48}"}, "requestContext": {"http": {"sourceIp": "203.0.113.7"}}},
    )
    driven.stages["authorizer"] = _scaled(authorizer.usage, asked_s / workload.rate)
    driven.stages["ingest"] = _scaled(usage, 1 / made)
    driven.seconds["ingest"] = _seconds(stage, driven, "ingest", workload.batch)
    driven.stages["ingest"]["xray.traces"] = workload.traced(workload.posts)
    gigabytes = sum(_bytes(item) for item in stored) / len(stored) / 1e9
    months = workload.retention_days / 30.4
    driven.stages["keeping"] = used(**{"storage.gb_months": gigabytes * months, "backup.gb_months": gigabytes * months})
    return stored[: len(stored) - workload.batch] or stored


def requests_billed(size: int) -> int:
    """How many requests to an HTTP API one of so many bytes counts for. https://aws.amazon.com/api-gateway/pricing/"""
    return max(1, -(-size // _REQUEST_UNIT))


def access_line(stage: Stage) -> str:
    """A line of the access log: the template's format with values in the place of its variables."""
    form = str(stage.template["Resources"]["HttpStage"]["Properties"]["AccessLogSettings"]["Format"])
    said = {
        "$context.requestId": "UZr4kgyEliAEPNg=",
        "$context.identity.sourceIp": "203.0.113.7",
        "$context.httpMethod": "POST",
        "$context.path": "/events",
        "$context.authorizer.key_id": "0011223344556677",
        "$context.status": "201",
        "$context.responseLength": "114",
        "$context.responseLatency": "24",
        "$context.authorizer.error": "-",
        "$context.integrationErrorMessage": "-",
    }
    for name, value in said.items():
        form = form.replace(name, value)
    return form


def _follow(stage: Stage, workload: Workload, driven: Driven, stored: list[dict[str, Any]]) -> None:
    """What reads the stream: the matcher, and the roll-ups, which read each event once more."""
    first, *records = [record(item, number) for number, item in enumerate(stored)]
    for name, size in (("matcher", workload.match_batch), ("rollup", workload.rollup_batch)):
        stage.invoke(name, {"Records": [first]})  # reads the configuration
        if name == "matcher":
            for mode in workload.modes:
                stage.take(_MODES[mode], 1000)
        usage = used()
        batches = [records[at : at + size] for at in range(0, len(records), size)]
        for batch in batches:
            add(usage, stage.invoke(name, {"Records": batch}).usage)
        # A batch of a higher rate than this sample has costs what this one does.
        share = len(records) if len(records) >= size else size
        driven.stages[name] = _scaled(usage, 1 / share)
        driven.stages[name]["streams.reads"] = 1 / size
        driven.seconds[name] = _seconds(stage, driven, name, size)
    batch_s = workload.rate / workload.match_batch
    driven.stages["matcher"]["xray.traces"] = workload.traced(batch_s)
    driven.stages["rollup"]["dynamodb.read:events"] += sum(_bytes(item) for item in stored) / len(stored) / 4096


def _deliver(stage: Stage, workload: Workload, driven: Driven, sinks: Sinks, count: int) -> None:
    size = workload.delivery_batch()
    for mode in workload.modes:
        queue = _MODES[mode]
        name = queue.lower()
        messages = stage.take(queue, 10_000)
        usage = used()
        if messages:
            stage.invoke(name, {"Records": messages[:1]})
            sinks.forget()
            for at in range(1, len(messages), size):
                done = stage.invoke(name, {"Records": messages[at : at + size]}, endpoints=int(mode != "local"))
                if done.answer["batchItemFailures"]:
                    raise RuntimeError(f"{name} gives messages back: {done.answer}")
                add(usage, done.usage)
                usage["sqs.requests"] += 2  # Lambda receives a batch, and deletes it
            usage["data_out.bytes"] += sum(len(each.body) + 600 for each in sinks.received())
            expected = workload.share * workload.recipients
            driven.stages[name] = _scaled(usage, expected / max(1, len(messages) - 1))
            driven.seconds[name] = _seconds(stage, driven, name, size, expected)


def idles(stage: Stage, workload: Workload, *, pause_s: float = REFRESH.total_seconds() + 1) -> Usage:
    """What passes without any event, a second: functions that run each minute, and Lambda's asking of queues.

    The stage has none of a workload's events. Each function runs twice, and the second time is counted: the first reads
    what it knows from there on. Between them is a pause, after which what it knows of the configuration is read anew.
    """
    configured(stage, workload, "http://127.0.0.1")
    minutes = {name: _minute_of(name) for name in each_minute(stage.template)}
    for name, event in minutes.items():
        stage.invoke(name, event)
    time.sleep(pause_s)
    found = used()
    for name, event in minutes.items():
        add(found, stage.invoke(name, event).usage, 1 / 60)
        found["xray.traces"] += workload.traced(1 / 60) * workload.rate
    found["sqs.requests"] += len(_MODES) * _POLLERS / 20 + _POLLERS / 20  # long polls of 20 seconds
    return found


def each_minute(template: Mapping[str, Any]) -> list[str]:
    """The functions of a template that run by a schedule."""
    return [
        name.removesuffix("Function").lower()
        for name, resource in template["Resources"].items()
        if name.endswith("Function")
        for trigger in resource["Properties"].get("Events", {}).values()
        if trigger["Type"] == "Schedule"
    ]


def _minute_of(name: str) -> dict[str, Any]:
    """What the schedule hands to a function."""
    paths = (ROOT / "events" / f"{name}-{said}.json" for said in ("minute", "schedule"))
    event: dict[str, Any] = json.loads(next(path for path in paths if path.exists()).read_text("utf-8"))
    return event


def _scaled(usage: Usage, times: float) -> Usage:
    found = used()
    add(found, usage, times)
    return found


def _seconds(stage: Stage, driven: Driven, name: str, batch: int, per_event: float = 1.0) -> float:
    """How long an invocation lasts, of the gigabyte-seconds that were counted of it."""
    usage = driven.stages[name]
    invocations = usage[f"lambda.requests:{name}"] or per_event / batch
    return usage[f"lambda.gb_s:{name}"] / invocations / (stage.memory_mb(name) / 1024)


def record(item: dict[str, Any], number: int) -> dict[str, Any]:
    """The stream's record of an item that is new."""
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"pk": item["pk"], "sk": item["sk"]},
            "NewImage": item,
            "SequenceNumber": str(number),
        },
    }


def _all(stage: Stage, table: str) -> list[dict[str, Any]]:
    pages = stage.dynamodb.get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


def _bytes(item: dict[str, Any]) -> int:
    return item_bytes(item) + 100  # what DynamoDB adds to each item that it keeps
