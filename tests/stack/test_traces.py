"""One trace over the functions of the deployed stack: API, stream, queues, each with invocations of its own."""

import json

from local.logs import function_logs
from local.waiting import until
from tests.stack.test_deliveries import told


def lines_about(stack, event_id):
    """{function: its log lines about an event}"""
    found = {}
    for line in function_logs(stack.aws):
        function, _, text = line.partition(" ")
        if event_id in text and text.startswith("{") and json.loads(text).get("event_id") == event_id:
            found.setdefault(function.removeprefix(f"{stack.deployed.stack_name}-"), []).append(json.loads(text))
    return found


def test_an_event_has_one_trace_in_every_function_that_works_on_it(stack, api):
    delivery = told(stack, api, state="delivered")

    def all_three():
        lines = lines_about(stack, delivery["event_id"])
        return lines if {"ingest", "matcher"} < lines.keys() and len(lines) >= 3 else None

    lines = until(all_three, 180, of="log lines of ingest, matcher and a transport")

    assert len({line["trace_id"] for found in lines.values() for line in found}) == 1
    # and these invocations are three for Lambda: the stream hands on no trace
    assert len({line.get("xray_trace_id", line["trace_id"]) for found in lines.values() for line in found}) >= 3
