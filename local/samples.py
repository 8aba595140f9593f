"""The sample events of `make run`, and what is expected of each.

Each sample's message ends with a mark, "(sample 07)". The message is the notification's body, a string of the
event's context and so a field of the Slack post and a row of the mail: by the mark, what arrives anywhere can
be told to be that event's without asking the stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from local.audit_records import JsonObject, child, event_of, records
from local.saas import READERS
from local.workspace import ROOT

RECORDS = ROOT / "tests/data/audit_logs.jsonl"
BLUEPRINT = ROOT / "local/blueprint.yaml"
SAMPLES = ROOT / "local/samples.yaml"

# The recipient of a transport that sends one message whoever is told.
ONCE = "once"
_MARK = re.compile(r"\(sample (\d\d)\)")


@dataclass(frozen=True, order=True, slots=True)
class Expected:
    """One delivery that has to come: of which sample, by which rule and transport, to whom (or ONCE)."""

    sample: int
    rule: str
    transport: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample event, by its number from 1, and the deliveries that it must cause, no more and no less."""

    number: int
    event: JsonObject
    expected: frozenset[Expected]


def samples() -> list[Sample]:
    """The samples that local/samples.yaml declares, in its order."""
    lines = records(RECORDS)
    declared = yaml.safe_load(SAMPLES.read_text(encoding="utf-8"))
    return [_sample(number, lines[item["record"] - 1], item["expect"]) for number, item in enumerate(declared, 1)]


def events() -> list[JsonObject]:
    """All audit records as events, in order."""
    return [event_of(record, READERS) for record in records(RECORDS)]


def blueprint(sink_url: str, path: Path = BLUEPRINT) -> str:
    """The sample configuration as YAML, with the sinks' address filled in."""
    return Template(path.read_text(encoding="utf-8")).substitute(SINK_URL=sink_url)


def marked_sample(arrived: str) -> int | None:
    """The number of the sample that a text which arrived somewhere is about; None where it bears no mark."""
    mark = _MARK.search(arrived)
    return int(mark[1]) if mark else None


def _sample(number: int, record: JsonObject, expect: dict[str, dict[str, str | list[str]]]) -> Sample:
    event = event_of(record, READERS)
    context = child(event, "context")
    context["message"] = f"{context['message']} (sample {number:02})"
    return Sample(
        number=number,
        event=event,
        expected=frozenset(
            Expected(number, rule, transport, recipient)
            for rule, transports in expect.items()
            for transport, recipients in transports.items()
            for recipient in ([recipients] if isinstance(recipients, str) else recipients)
        ),
    )
