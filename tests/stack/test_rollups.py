"""The hourly counts on the deployed stack equal its events: functions killed, counts made twice, events posted late."""

import contextlib
import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from local.waiting import until
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import event_text
from tocsin.ids import id_time, new_id

HOUR = timedelta(hours=1)
ROUNDS = 4


def test_counts_equal_the_events_after_kills_replays_and_late_events(stack, api):
    app = f"counted-{uuid4()}"
    now = datetime.now(UTC)
    ended = hour_of(now) - 2 * HOUR  # well settled, also in an hour's first minutes
    hours = [ended - HOUR * back for back in range(3)]

    def late(hour, number):
        moment = hour + timedelta(minutes=number % 60)
        return {"id": new_id(moment), "action": ("login", "logout")[number % 2], "app": app}

    for _ in range(ROUNDS):
        api.post_events([late(hour, number) for hour in hours for number in range(20)])
        stack.aws.awslambda.invoke(FunctionName=rollup(stack), InvocationType="Event", Payload=b"{}")
        for pid in stack.emulator.function_processes(rollup(stack)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    posted = events_of(stack, app)

    def counted():
        for _ in range(2):  # a replay
            answer = stack.aws.awslambda.invoke(FunctionName=rollup(stack), Payload=json.dumps({}).encode())
            answer["Payload"].read()
        known = Rollups(stack.aws.dynamodb, stack.deployed.events_table).known(hours[-1], ended + HOUR)
        # Only counts that are said to hold: readers count the events of other hours for themselves.
        holding = {hour: known.of(hour).counts for hour in hours if known.of(hour).is_whole}
        return {
            hour: Counter({action: by_app[app] for action, by_app in counts.items() if app in by_app})
            for hour, counts in holding.items()
        }

    until(lambda: counted() == posted, 180, of="counts that equal the events")
    assert sum(sum(by_action.values()) for by_action in posted.values()) == ROUNDS * 3 * 20
    volume = api.ask("GET", "/events/volume", params={"app": app, "history_days": 1}).json()
    assert volume["total"] == ROUNDS * 3 * 20


def rollup(stack):
    return f"{stack.deployed.stack_name}-rollup"


def events_of(stack, app):
    """{hour: {action: how many}} of the events in the table."""
    found: dict[datetime, Counter] = {}
    pages = stack.aws.dynamodb.get_paginator("scan").paginate(TableName=stack.deployed.events_table)
    for page in pages:
        for item in page["Items"]:
            event = json.loads(event_text(item)) if "event" in item else {}
            if event.get("app") == app:
                found.setdefault(hour_of(id_time(event["id"])), Counter())[event["action"]] += 1
    return found
