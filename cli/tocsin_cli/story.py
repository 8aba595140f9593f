"""What became of an event, as a tree: rule → what it asked → what held it → deliveries → attempts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich.text import Text
from rich.tree import Tree

from tocsin_cli.api import Api, path_of
from tocsin_cli.output import styled
from tocsin_cli.text import brief, counted, plain
from tocsin_cli.times import clock, local, parse_iso, roughly
from tocsin_cli.types import Json, JsonObject, mapping, objects, text, whole

_MARKS = {"delivered": "✓", "joined": "✓", "failed": "✗", "discarded": "–", "dropped": "–"}
_UNDER_WAY = "…"


def read_story(api: Api, event_id: str) -> JsonObject:
    """{event, rules, deliveries, policies} of an event, all pages. Raises NotFound."""
    event = api.get(path_of("events", event_id)).object
    rules: list[Json] = []
    deliveries: list[Json] = []
    policies: list[Json] = []
    for page in api.pages(path_of("events", event_id, "deliveries")):
        rules += objects(page.object.get("rules"))
        deliveries += objects(page.object.get("deliveries"))
        policies += objects(page.object.get("policies"))
    return {"event": event, "rules": rules, "deliveries": deliveries, "policies": policies}


def story_tree(told: JsonObject) -> Tree:
    """The story for people."""
    event = mapping(told.get("event"))
    tree = Tree(
        Text.assemble(
            (plain(text(event, "action")), "bold"),
            "  ",
            plain(text(event, "summary")),
            (f"  {local(text(event, 'created'))}", "dim"),
        ),
        guide_style="dim",
    )
    rules = objects(told.get("rules"))
    deliveries = sorted(objects(told.get("deliveries")), key=lambda each: (text(each, "transport"), text(each, "user")))
    if not rules:
        tree.add(Text("no rule matched it, or the matcher has not come to it yet", style="yellow"))
    created = parse_iso(text(event, "created"))
    for rule in rules:
        name = text(rule, "rule")
        _add_rule(tree, rule, [each for each in deliveries if each.get("rule") == name], created)
    known = {text(rule, "rule") for rule in rules}
    others = [each for each in deliveries if text(each, "rule") not in known]
    for delivery in others:
        _add_delivery(tree, delivery, created)
    for policy in objects(told.get("policies")):
        mark = ("✓ ", "green") if policy.get("passed") else ("✗ ", "dim")
        said = plain(f"policy {text(policy, 'policy')}: {text(policy, 'message')}")
        tree.add(Text.assemble(mark, said, (f"  {text(policy, 'duration_ms')} ms", "dim")))
    if "logs" in told:
        _add_logs(tree, objects(told["logs"]))
    return tree


def _add_rule(tree: Tree, rule: JsonObject, deliveries: list[JsonObject], created: datetime | None) -> None:
    label = Text.assemble("rule ", (plain(text(rule, "rule")), "bold"), "  ", styled(text(rule, "severity")))
    label.append(f"  {clock(text(rule, 'at'))}", style="dim")
    branch = tree.add(label)
    for binding in objects(rule.get("bindings")):
        mark = ("✓ ", "green") if binding.get("passed") else ("✗ ", "dim")
        branch.add(Text.assemble(mark, asked_line(binding)))
    if rule.get("ends"):
        branch.add(Text("it is over: told to those who were told of the beginning", style="green"))
    for step in objects(rule.get("escalated")):
        label = Text(plain(text(step, "reason")), style="yellow")
        label.append(f"  {clock(text(step, 'at'))}, group {plain(text(step, 'destination_group'))}", style="dim")
        branch.add(label)
    said = mapping(rule.get("acknowledged"))
    if said:
        who = plain(text(said, "by"))
        branch.add(Text.assemble(("✓ ", "green"), f"acknowledged by {who}", (f"  {clock(text(said, 'at'))}", "dim")))
    held = mapping(rule.get("held_by"))
    if held:
        branch.add(Text.assemble(("held by ", "yellow"), _holder(held)))
    elif not deliveries and not mapping(rule.get("deliveries")):
        branch.add(Text("nobody to tell", style="yellow"))
    if rule.get("event_user"):
        branch.add(Text(unreached(text(rule, "event_user")), style="yellow"))
    for delivery in deliveries:
        _add_delivery(branch, delivery, created)
    expected = [*mapping(rule.get("deliveries")).values(), *mapping(rule.get("kept_back")).values()]
    missing = _missing(expected, deliveries)
    if missing:
        branch.add(Text(f"{counted(missing, 'more delivery', 'more deliveries')} in a queue", style="yellow"))


def unreached(reason: str) -> str:
    """Why the event's user is not told, whom the rule tells: the API's `event_user`."""
    return plain(f"the event's user hears nothing: {reason}")


def asked_line(binding: JsonObject) -> str:
    """What was asked, and why it held or not; a reason mostly begins with what was asked."""
    asked, reason = text(binding, "binding"), text(binding, "reason")
    return plain(reason if reason.startswith(asked) else f"{asked}: {reason}")


def _holder(held: JsonObject) -> str:
    silence, throttle, age = (mapping(held.get(name)) for name in ("silence", "throttle", "age"))
    if silence:
        comment = f": {text(silence, 'comment')}" if silence.get("comment") else ""
        return plain(f"silence {text(silence, 'name')} until {local(text(silence, 'ends'))}{comment}")
    if throttle:
        group = throttle.get("group")
        of = f" for {group}" if group else ""
        limit = f"{text(throttle, 'max')} in {text(throttle, 'window')}"
        return plain(f"throttle ({limit}){of} until {local(text(throttle, 'until'))}")
    if age:
        happened = roughly(timedelta(seconds=whole(age.get("seconds"))))
        return plain(f"age: it was matched {happened} after it happened; the rule's max_age is {text(age, 'max_age')}")
    return plain(", ".join(f"{name}: {value}" for name, value in held.items()))


def _missing(expected: list[Json], deliveries: list[JsonObject]) -> int:
    """How many deliveries were queued that no function has taken yet."""
    known = sum(value for value in expected if isinstance(value, int))
    return max(0, known - len(deliveries))


def _add_delivery(branch: Tree, delivery: JsonObject, created: datetime | None) -> None:
    state = text(delivery, "state")
    mark = _MARKS.get(state, _UNDER_WAY)
    label = Text.assemble((f"{mark} ", styled(state).style), plain(text(delivery, "transport")))
    if delivery.get("user"):
        label.append(f" → {plain(text(delivery, 'user'))}")
    label.append("  ").append_text(styled(state))
    attempts = objects(delivery.get("attempts"))
    if state == "delivered" and (after := _after(created, attempts)):
        label.append(f" {after} after the event", style="dim")
    if delivery.get("next_attempt"):
        said = "" if state == "waiting" else "next attempt "
        label.append(f"  {said}{local(text(delivery, 'next_attempt'))}", style="dim")
    node = branch.add(label)
    if delivery.get("why"):
        node.add(Text(plain(text(delivery, "why")), style="yellow" if state == "waiting" else "dim"))
    if delivery.get("joined"):
        node.add(Text(f"told with others, in {plain(text(delivery, 'joined'))}", style="dim"))
    if state != "delivered":
        node.add(Text(text(delivery, "id"), style="dim"))
    for number, attempt in enumerate(attempts, 1):
        node.add(attempt_line(number, attempt))


def attempt_line(number: int, attempt: JsonObject) -> Text:
    """One attempt of a delivery in a line."""
    status = f" {text(attempt, 'status')}" if attempt.get("status") else ""
    line = Text.assemble(
        (f"{number}. {clock(text(attempt, 'at'))}  ", "dim"),
        styled(text(attempt, "state")),
        f"  {plain(text(attempt, 'reason'))}{status}",
        (f"  {text(attempt, 'duration_ms')} ms", "dim"),
    )
    if said := text(attempt, "detail"):
        line.append(f"  {plain(said)}", style="dim")
    if answer := text(attempt, "answer"):
        line.append(f"  “{brief(answer)}”", style="dim")
    return line


def _after(created: datetime | None, attempts: list[JsonObject]) -> str:
    """How long after the event the last attempt ended."""
    ended = parse_iso(text(attempts[-1], "at")) if attempts else None
    if created is None or ended is None or ended < created:  # a producer's clock that is ahead
        return ""
    length = ended + timedelta(milliseconds=whole(attempts[-1].get("duration_ms"))) - created
    return f"{length.total_seconds():.1f} s" if timedelta() <= length < timedelta(minutes=2) else roughly(length)


def _add_logs(tree: Tree, lines: Iterable[JsonObject]) -> None:
    branch = tree.add(Text("logs", style="bold"))
    count = 0
    for line in lines:
        count += 1
        branch.add(
            Text.assemble(
                (f"{clock(text(line, 'at'))}  ", "dim"),
                f"{plain(text(line, 'service')):<12}",
                (f" {plain(text(line, 'code'))}", "cyan"),
                f"  {plain(text(line, 'message'))}",
            )
        )
    if not count:
        branch.add(Text("CloudWatch has no line of this event (yet)", style="dim"))
