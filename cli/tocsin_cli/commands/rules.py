"""`tocsin rules` and `tocsin policies`: entries, and what they would do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from tocsin_cli import samples
from tocsin_cli.api import path_of
from tocsin_cli.cli import CONFIGURATION, Cli, command, group, names_of
from tocsin_cli.commands.resources import add_entries, add_list
from tocsin_cli.errors import ExitCode
from tocsin_cli.kinds import POLICIES, RULES
from tocsin_cli.output import styled
from tocsin_cli.story import asked_line, unreached
from tocsin_cli.text import counted, plain, rebinned, sparkline
from tocsin_cli.times import iso, local, parse_iso, parse_moment, roughly
from tocsin_cli.types import Json, JsonObject, mapping, objects, text, texts, whole

_WIDTH = 60
"""Bars of a backtest's sparkline."""
_EXAMPLES = 5
"""Events that are shown to people, of those that a backtest gives."""
_HOUR = timedelta(hours=1)

RuleName = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.", autocompletion=names_of("rules"))]
PolicyName = Annotated[
    str, typer.Argument(metavar="NAME", help="The policy's name.", autocompletion=names_of("policies"))
]


class Expected(StrEnum):
    """What a test must come to."""

    FIRES = "fires"
    SILENT = "silent"


Expect = Annotated[
    Expected | None,
    typer.Option(metavar="OUTCOME", help="fires or silent: exit with 1 where it comes out otherwise."),
]


def register(app: typer.Typer) -> None:
    """Add the groups."""
    rules = group(app, "rules", "Rules: who is told of which events, and how.", panel=CONFIGURATION)
    add_list(rules, RULES)
    add_entries(rules, RULES)
    _add_rule_test(rules)
    _add_backtest(rules)
    policies = group(app, "policies", "Policies: what rules ask of an event.", panel=CONFIGURATION)
    add_list(policies, POLICIES)
    add_entries(policies, POLICIES)
    _add_policy_test(policies)


def _add_rule_test(rules: typer.Typer) -> None:
    @command(rules)
    def test(
        cli: Cli,
        name: RuleName,
        said: samples.Context = None,
        event_id: samples.EventId = None,
        file: samples.EventFile = None,
        user: samples.User = None,
        app_: samples.App = None,
        client_ip: samples.ClientIp = None,
        expect: Expect = None,
    ) -> None:
        """Show what a rule would do with an event, and why. Nothing is sent.

        tocsin rules test failed-logins login_failed --user alice --expect fires
        """
        asked = samples.sample(said, event_id, file, user, app_, client_ip)
        explained = cli.api.post(path_of("rules", name, "test"), asked).object
        cli.out.item(explained, lambda: _explained(explained))
        _check(cli, expect, bool(explained.get("fires")))


def _add_policy_test(policies: typer.Typer) -> None:
    @command(policies)
    def test(
        cli: Cli,
        name: PolicyName,
        said: samples.Context = None,
        event_id: samples.EventId = None,
        file: samples.EventFile = None,
        user: samples.User = None,
        app_: samples.App = None,
        client_ip: samples.ClientIp = None,
        expect: Expect = None,
    ) -> None:
        """Show whether a policy holds for an event, and why."""
        asked = samples.sample(said, event_id, file, user, app_, client_ip)
        explained = cli.api.post(path_of("policies", name, "test"), asked).object
        cli.out.item(explained, lambda: _judged(explained))
        _check(cli, expect, bool(explained.get("holds")))


def _check(cli: Cli, expect: Expected | None, fires: bool) -> None:
    if expect is not None and fires is not (expect is Expected.FIRES):
        cli.out.warn(f"expected: {expect}")
        raise typer.Exit(ExitCode.FAILED)


def _explained(explained: JsonObject) -> RenderableType:
    fires, tells = explained.get("fires"), explained.get("tells")
    verdict = ("fires", "green") if fires else ("does not fire", "yellow")
    tree = Tree(Text.assemble("rule ", (plain(text(explained, "rule")), "bold"), " ", verdict), guide_style="dim")
    mode = text(explained, "policy_engine_mode")
    for binding in objects(explained.get("bindings")):
        tree.add(_binding(binding))
    if len(objects(explained.get("bindings"))) > 1:
        tree.add(Text("one of them is enough" if mode == "any" else "all of them must hold", style="dim"))
    for reason in _kept_silent(explained):
        tree.add(Text(plain(reason), style="yellow"))
    if explained.get("ends"):
        tree.add(Text("it ends what the rule told of: those who were told hear that it is over", style="green"))
    if explained.get("ends_error"):
        why = text(explained, "ends_error")
        tree.add(Text(plain(f"whether it ends what the rule told of can't be told: {why}"), style="red"))
    recipients = mapping(explained.get("recipients"))
    names = texts(recipients.get("usernames"))
    told = tree.add(
        Text.assemble("would tell " if not tells else "tells ", counted(len(names), "person", "people"))
        + Text(" and more" if recipients.get("more") else "")
    )
    for transport in objects(explained.get("transports")):
        once = ", once for all" if transport.get("send_once") else ""
        unused = "" if transport.get("used") else ", which is off or caused the event"
        told.add(Text(plain(f"by {text(transport, 'name')} ({text(transport, 'mode')}{once}){unused}")))
    if names:
        told.add(Text(plain(", ".join(names)), style="dim"))
    if recipients.get("event_user"):
        told.add(Text(unreached(text(recipients, "event_user")), style="yellow"))
    for decision in objects(explained.get("decisions")):
        if text(decision, "cause") != "nothing":
            whom = f"{text(decision, 'user')} by " if decision.get("user") else ""
            told.add(Text(plain(f"{whom}{text(decision, 'transport')}: {text(decision, 'reason')}"), style="yellow"))
    for step in objects(explained.get("escalate")):
        tree.add(_step(step))
    return tree


def _step(step: JsonObject) -> Text:
    recipients = mapping(step.get("recipients"))
    names = texts(recipients.get("usernames"))
    people = counted(len(names), "person", "people") + (" and more" if recipients.get("more") else "")
    by, group = ", ".join(texts(step.get("transports"))), text(step, "destination_group")
    when = f"step {text(step, 'step')}, after {text(step, 'after')} unless {text(step, 'unless')}"
    return Text(plain(f"{when}: {people} of {group} by {by or 'nothing'}"), style="dim")


def _binding(binding: JsonObject) -> Text:
    mark = ("✓ ", "green") if binding.get("passed") else ("✗ ", "red")
    negated = "not " if binding.get("negate") else ""
    line = Text.assemble(mark, negated, asked_line(binding))
    return line.append(f"  {plain(text(binding, 'error'))}", style="red") if binding.get("error") else line


def _kept_silent(explained: JsonObject) -> list[str]:
    """Why people would not be told although the rule fires."""
    reasons = []
    if explained.get("enabled") is False:
        reasons.append("the rule is off")
    if explained.get("loop"):
        reasons.append(f"it would go round in a circle: {explained['loop']}")
    silence, throttle = mapping(explained.get("silence")), mapping(explained.get("throttle"))
    age = mapping(explained.get("age"))
    if age.get("passes") is False:
        happened = roughly(timedelta(seconds=whole(age.get("seconds"))))
        reasons.append(f"too old: it happened {happened} ago, and the rule's max_age is {text(age, 'max_age')}")
    if silence:
        reasons.append(f"silenced by {text(silence, 'name')} until {local(text(silence, 'ends'))}")
    if throttle and not throttle.get("passes"):
        reasons.append("throttled: its window is full")
    return reasons


def _judged(explained: JsonObject) -> RenderableType:
    holds = ("holds", "green") if explained.get("holds") else ("does not hold", "yellow")
    line = Text.assemble("policy ", (plain(text(explained, "policy")), "bold"), " ", holds)
    why = text(explained, "error") or text(explained, "reason")
    return line.append(f"  {plain(why)}", style="dim")


def _add_backtest(rules: typer.Typer) -> None:
    @command(rules)
    def backtest(
        cli: Cli,
        name: RuleName,
        since: Annotated[str, typer.Option(metavar="MOMENT", help="From when on: 7d (ago), today, …")] = "7d",
        until: Annotated[str | None, typer.Option(metavar="MOMENT", help="Up to when; now by default.")] = None,
    ) -> None:
        """Show how often a rule would have fired for the stored events of a time. Nothing is sent."""
        start = parse_moment(since, "--since")
        end = datetime.now(UTC) if until is None else parse_moment(until, "--until")
        result = _run(cli, name, start, end)
        cli.out.item(result, lambda: _shown(result, start, end))


def _run(cli: Cli, name: str, start: datetime, end: datetime) -> JsonObject:
    """The backtest of the whole time, of as many requests as it takes."""
    asked: JsonObject = {"since": iso(start), "until": iso(end)}
    by_hour: Counter[str] = Counter()
    events = 0
    examples: list[Json] = []
    failures: JsonObject = {}
    with cli.out.progress() as bar:
        task = bar.add_task(f"backtest {name}", total=(end - start).total_seconds(), more="")
        while True:
            part = cli.api.post(path_of("rules", name, "backtest"), asked).object
            events += whole(part.get("events"))
            by_hour.update({hour: whole(count) for hour, count in mapping(part.get("by_hour")).items()})
            examples += objects(part.get("examples"))
            failures = mapping(part.get("failures")) | failures
            cursor = text(part, "cursor")
            if not cursor:
                break
            asked["cursor"] = cursor
            reached = parse_iso(text(part, "scanned_until")) or start
            bar.update(task, completed=(reached - start).total_seconds(), more=counted(events, "event"))
    return {
        "rule": name,
        "since": iso(start),
        "until": iso(end),
        "events": events,
        "fired": by_hour.total(),
        "by_hour": dict(sorted(by_hour.items())),
        "examples": examples[:10],
        "failures": failures,
    }


def _shown(result: JsonObject, start: datetime, end: datetime) -> RenderableType:
    fired, events = whole(result.get("fired")), whole(result.get("events"))
    parts: list[RenderableType] = [
        Text.assemble(
            "rule ",
            (plain(text(result, "rule")), "bold"),
            " would have fired ",
            (counted(fired, "time"), "bold"),
            f" for {counted(events, 'event')}",
        )
    ]
    if fired:
        values = _hourly(mapping(result.get("by_hour")), start, end)
        bars = rebinned(values, _WIDTH)
        each = max(1, round(len(values) / len(bars)))
        parts.append(
            Text(f"  {sparkline(bars)}  ", style="cyan").append(f"at most {max(bars)} in {each} h", style="dim")
        )
        parts.append(Text(f"  {local(iso(start))[:16]} – {local(iso(end))[:16]}", style="dim"))
    for example in objects(result.get("examples"))[:_EXAMPLES]:
        parts.append(
            Text.assemble(
                ("  " + local(text(example, "created")), "dim"),
                f"  {plain(text(example, 'summary'))}",
                ("  " + text(example, "id"), "dim"),
            )
        )
    for policy, error in mapping(result.get("failures")).items():
        parts.append(Text.assemble(styled("failed"), f"  policy {plain(policy)}: {plain(str(error))}"))
    return Group(*parts)


def _hourly(by_hour: JsonObject, start: datetime, end: datetime) -> list[int]:
    """A count for each hour of the time, those without any as zero."""
    counts = {moment: whole(count) for hour, count in by_hour.items() if (moment := parse_iso(hour))}
    at = start.replace(minute=0, second=0, microsecond=0)
    values = []
    while at < end:
        values.append(counts.get(at, 0))
        at += _HOUR
    return values or [0]
