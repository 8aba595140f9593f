"""What usage costs by the price list: dollars a million events, the biggest drivers, and which quota ends first."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cost.meter import Usage, add, used
from local.cost.workload import Driven, Workload

PRICES = Path(__file__).with_name("prices.json")
MILLION = 1_000_000
KEEPING = ("storage", "backup")


@dataclass(frozen=True, slots=True)
class Prices:
    """A price list: what a unit costs, by its name, where it stands, and when."""

    region: str
    as_of: str
    units: Mapping[str, Mapping[str, Any]]
    assumed: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path = PRICES) -> Prices:
        """The list that is kept beside this module."""
        data = json.loads(path.read_text("utf-8"))
        return cls(data["region"], data["as_of"], data["units"], data["assumed"])

    def of(self, name: str) -> float:
        """Dollars for one unit of `dynamodb.write:events`. KeyError for what has no price: nothing is left out."""
        return float(self.units[name.partition(":")[0]]["price"])


def dollars(usage: Usage, prices: Prices) -> dict[str, float]:
    """What it costs, by the names of its units."""
    return {name: units * prices.of(name) for name, units in usage.items()}


def a_million(driven: Driven, workload: Workload) -> Usage:
    """What a million events use, with their part of what passes by the second."""
    total = driven.total()
    add(total, driven.idle, 1 / workload.rate)
    found = used()
    add(found, total, MILLION)
    return found


def a_month(idle: Usage) -> Usage:
    """What passes in a month of 30 days in which nothing comes."""
    found = used()
    add(found, idle, 30 * 86_400)
    return found


def is_keeping(name: str) -> bool:
    """Whether a unit is for keeping events, by how long, rather than for taking and telling them."""
    return name.startswith(KEEPING)


def drivers(costs: Mapping[str, float], count: int = 3) -> list[tuple[str, float]]:
    """The units that cost most, keeping left out, largest first."""
    taking = {name: cost for name, cost in costs.items() if not is_keeping(name)}
    return sorted(taking.items(), key=lambda each: -each[1])[:count]


def by_kind(costs: Mapping[str, float]) -> dict[str, float]:
    """Costs by kind of unit, keeping left out: all of `dynamodb.write`, of `logs.bytes`, …"""
    found: defaultdict[str, float] = defaultdict(float)
    for name, cost in costs.items():
        if not is_keeping(name):
            found[name.partition(":")[0]] += cost
    return dict(sorted(found.items(), key=lambda each: -each[1]))


# ── quotas ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit: what it is of, how much of it a workload needs, how much there is, and who raises it."""

    what: str
    needed: float
    limit: float
    raised: str

    @property
    def part(self) -> float:
        """How much of it is needed; above 1 it ends."""
        return self.needed / self.limit


def quotas(driven: Driven, workload: Workload) -> list[Quota]:
    """The limits that a workload meets, the nearest first. Defaults of accounts, and what this stack sets itself."""
    total = driven.total()
    rate = workload.rate

    busy = {
        name.partition(":")[2]: units * rate * driven.seconds.get(name.partition(":")[2], 0.05)
        for name, units in total.items()
        if name.startswith("lambda.requests:")
    }
    writes, raised = "write units a second", "AWS, on request"
    found = [
        Quota("requests a second: parameter RequestsPerSecond", workload.posts, 1_000, "the parameter"),
        Quota("requests a second: API Gateway, account and region", workload.posts, 10_000, raised),
        Quota("concurrent functions: Lambda, account and region", sum(busy.values()), 1_000, raised),
        Quota(f"{writes}: events table", total["dynamodb.write:events"] * rate, 40_000, raised),
        Quota(f"{writes}: deliveries table", total["dynamodb.write:deliveries"] * rate, 40_000, raised),
        Quota(
            "write units a second: one of 16 partition keys of a day's events",
            total["dynamodb.write:events"] * rate / 16,
            1_000,
            "SHARDS in events/store.py",
        ),
        Quota(
            "batches at once: four for each shard of the stream, matcher",
            busy.get("matcher", 0.0),
            workload.shards * 4,
            "ParallelizationFactor, up to 10",
        ),
    ]
    limits = {"webhook": 50, "slack": 10, "email": 10, "inbox": 20}
    found += [
        Quota(f"functions at once: parameter {name.capitalize()}Concurrency", busy[name], limit, "the parameter")
        for name, limit in limits.items()
        if name in busy
    ]
    if "email" in busy:
        mails = sum(units for name, units in total.items() if name == "mail.messages") * rate
        found.append(Quota("e-mails a second: SES (parameter MailPerSecond)", mails, 14, "AWS, and the parameter"))
    return sorted(found, key=lambda quota: -quota.part)
