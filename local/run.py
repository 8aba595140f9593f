"""`make run`: the whole application on this machine, sample events through it, and every delivery shown."""

from __future__ import annotations

import json
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from local.api import UnexpectedAnswerError
from local.arrivals import Directory, Places
from local.audit_records import JsonObject, text
from local.emulator import PREFERRED_PORT
from local.logs import function_logs
from local.newcomers import Newcomers
from local.processes import free_port, tail
from local.samples import Expected, Sample, blueprint, samples
from local.screen import Screen
from local.stack import LocalStack, local_stack
from local.watch import Watch
from local.workspace import ROOT, STATE, claimed
from tocsin.identity.principal import Scope

# What a stack that is up may still answer with.
TROUBLE = (UnexpectedAnswerError, RequestException, BotoCoreError, ClientError)
_TICK_S = 0.2
_TROUBLE_PAUSE_S = 2.0
# How often to look while events are still being posted: each look asks the stack for stories.
_GLANCE_S = 1.0
_TRY_IT: JsonObject = {
    "action": "login_failed",
    "app": "shop",
    "user": {"username": "alice"},
    "client_ip": "203.0.113.7",
    "context": {"message": "alice failed to sign in to the shop"},
}


def run(screen: Screen, *, once: bool, deadline_s: float) -> int:
    """Brings the stack up, posts the samples, shows what they cause, and stays, or with `once` ends.

    Gives the exit status: 0 where every expected delivery came within the deadline and no other did; with
    `once` false, the end by Ctrl-C or SIGTERM is the normal one.
    """
    port = free_port(PREFERRED_PORT)
    with _ended_by_signals(), claimed(STATE, port) as workspace:
        with local_stack(workspace, screen, port=port) as stack:
            with _functions_logged(screen, stack):
                watch = _configured(screen, stack)
                workspace.write_facts(stack.facts)
                complete = _show_samples(screen, stack, watch, deadline_s)
            if once:
                return 0 if complete else 1
            _invite(screen, stack)
            try:
                _follow(screen, stack, watch)
            except KeyboardInterrupt:
                screen.title("ending")
        screen.say("everything that was started has ended")
    return 0


def _configured(screen: Screen, stack: LocalStack) -> Watch:
    """Loads the sample blueprint; gives what watches its transports and people."""
    api = stack.api()
    configuration = blueprint(stack.sinks.url)
    with screen.step("load the sample blueprint") as step:
        api.put_blueprint(configuration)
        step.result = "local/blueprint.yaml"
    directory = Directory.of(configuration, stack.sinks.url)
    return Watch(Places(stack.sinks, stack.emulator, api, directory), api, directory)


@contextmanager
def _functions_logged(screen: Screen, stack: LocalStack) -> Iterator[None]:
    """Keeps what the functions printed, and shows the end of it, where Tocsin does not answer as it should."""
    try:
        yield
    except TROUBLE:
        _keep_logs(stack)
        log = stack.workspace.functions_log
        screen.failure(f"The end of what the functions printed ({_shown(log)}):\n{tail(log)}")
        raise


def _keep_logs(stack: LocalStack) -> None:
    lines = function_logs(stack.aws) if stack.emulator.alive else []
    stack.workspace.functions_log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _show_samples(screen: Screen, stack: LocalStack, watch: Watch, deadline_s: float) -> bool:
    """Posts the samples and shows what arrives, until all that is expected has; whether it was just that."""
    posting = samples()
    count = sum(len(sample.expected) for sample in posting)
    screen.title(f"{len(posting)} sample events, {count} deliveries expected: event → rule → transport → recipient")
    good = True
    deadline = time.monotonic() + deadline_s
    labels: dict[int, str] = {}
    shown_at = time.monotonic()
    for sample in posting:
        labels[sample.number] = _label(sample)
        posted_at = time.time()
        answer = stack.api().post_event(sample.event)
        watch.expect(sample, text(answer, "id"), labels[sample.number], posted_at)
        if time.monotonic() - shown_at > _GLANCE_S:
            good &= _show(screen, watch)
            shown_at = time.monotonic()
    while watch.missing and time.monotonic() < deadline and stack.emulator.alive:
        time.sleep(_TICK_S)
        good &= _show(screen, watch)
    for stranger in watch.strangers():
        good = False
        screen.failure(f"unexpected: {stranger.transport} → {stranger.recipient}: {stranger.text[:200]}")
    if missing := watch.missing:
        screen.missing(_rows(missing, labels, watch))
        _keep_logs(stack)
        for complaint in stack.emulator.broken_functions():
            screen.failure(complaint)
        screen.failure(
            f"{len(missing)} of {count} deliveries did not come within {deadline_s:.0f} s;"
            f" what the functions printed: {_shown(stack.workspace.functions_log)}"
        )
    elif good:
        screen.say(f"\nall {count} deliveries came, and no others")
    return good and not missing


def _rows(missing: set[Expected], labels: dict[int, str], watch: Watch) -> Iterator[tuple[str, str, str, str, str]]:
    """What is missing, a row for each sample, rule, transport and word of the stack."""
    told = sorted((item, watch.what_the_stack_says(item)) for item in missing)
    for (sample, rule, transport, says), group in groupby(
        told, key=lambda pair: (pair[0].sample, pair[0].rule, pair[0].transport, pair[1])
    ):
        recipients = ", ".join(item.recipient for item, _ in group)
        yield labels[sample], rule, transport, recipients, says


def _show(screen: Screen, watch: Watch) -> bool:
    good = True
    for seen in watch.look():
        screen.delivery(seen)
        good &= seen.good
    return good


def _follow(screen: Screen, stack: LocalStack, watch: Watch) -> None:
    newcomers = Newcomers(stack.aws.dynamodb, stack.aws.dynamodbstreams, stack.deployed.events_table)
    while stack.emulator.alive:
        try:
            for event_id in newcomers.look():
                screen.say(f"  event {event_id}")
                watch.follow(event_id, event_id)
            _show(screen, watch)
        except TROUBLE as error:
            # What is tried out here may well break something; following goes on.
            screen.failure(str(error))
            time.sleep(_TROUBLE_PAUSE_S)
        time.sleep(_TICK_S)
    screen.failure(f"the emulator has ended; see {stack.workspace.emulator_log}")


def _invite(screen: Screen, stack: LocalStack) -> None:
    """Says how to go on by hand."""
    facts = stack.facts
    curl = [
        *("curl", "-sS", f"{facts.api_url}/events"),
        *("-H", f"Authorization: Bearer {facts.admin_key}", "-H", "Content-Type: application/json"),
        *("-d", json.dumps(_TRY_IT)),
    ]
    screen.title("the stack is up; post an event and watch here")
    screen.say(shlex.join(curl))
    screen.title("the console: signs you in as alice, once and within the hour")
    screen.say(sign_in_url(stack))
    screen.title("where to look")
    screen.say(f"  what a webhook or Slack got    curl -s '{facts.sink_url}/received'")
    screen.say(f"  mail                           curl -s {facts.endpoint_url}/_ministack/ses/messages")
    screen.say(f"  an event's whole story         GET {facts.api_url}/events/<id>/deliveries")
    screen.say(f"  an inbox                       GET {facts.api_url}/notifications?user=alice")
    screen.say(f"  all of this for programs       {_shown(stack.workspace.facts)}")
    screen.say(f"  what the functions print       {_shown(stack.workspace.emulator_log)}")
    environment = stack.aws.environment()
    variables = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    screen.say(f"  AWS itself, as for `tocsin dead-letters --stack {facts.stack_name}`")
    screen.say(f"    export {shlex.join(f'{name}={environment[name]}' for name in variables)}")
    screen.title("deliveries from here on; Ctrl-C ends everything")


def console_url(stack: LocalStack) -> str:
    """The console's address by its host name, beside which it finds the WebSocket API too.

    Browsers resolve *.localhost by themselves.
    """
    address = urlsplit(stack.facts.api_url)
    api_id = address.path.split("/")[3]
    return f"http://{api_id}.execute-api.localhost:{address.port}/console"


def sign_in_url(stack: LocalStack, *, name: str = "console") -> str:
    """The console's address with a ticket that signs alice in, once and within an hour.

    What it gives is a key for twelve hours, whose secret nobody has before. The part after # is sent to nobody.
    """
    api, expires = stack.api(), datetime.now(UTC) + timedelta(hours=12)
    wanted = {"user": "alice", "scopes": [*Scope], "expires": expires.isoformat()}
    api.ask("PUT", f"/keys/{name}", json=wanted).raise_for_status()
    made = api.ask("POST", f"/keys/{name}/ticket", json={"lasts": "hours=1"})
    return f"{console_url(stack)}#ticket={made.json()['ticket']}"


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _label(sample: Sample) -> str:
    return f"{sample.number:02} {sample.event['app']} {sample.event['action']}"


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP end the block as Ctrl-C does, and lets no second one disturb the ending."""
    ours = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
