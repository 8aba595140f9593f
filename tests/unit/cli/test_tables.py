"""Tables on narrow terminals: what an item is called is never cut, and what is cut says so."""

import io

import pytest
from rich.console import Console

from tocsin_cli.commands.deliveries import _COLUMNS as DELIVERIES
from tocsin_cli.commands.events import _COLUMNS as EVENTS
from tocsin_cli.kinds import KEYS, RULES
from tocsin_cli.output import Output

EVENT = {
    "id": "01a2240d-6134-71fa-a20f-9c94ddbf442d",
    "created": "2026-03-01T12:00:00Z",
    "action": "property_mapping_exception",
    "app": "a-long-name-of-an-app",
    "user": {"username": "somebody@example.com"},
    "client_ip": "203.0.113.7",
    "summary": "Deliveries by transport siem fail: " + "x" * 200,
}
DELIVERY = {
    "id": f"{EVENT['id']}-e33a2ad2251b6a40",
    "updated": "2026-03-01T12:00:00Z",
    "state": "delivered",
    "rule": "a-long-name-of-a-rule",
    "transport": "slack-developers",
    "user": "somebody@example.com",
    "attempts": [],
}
KEY = {"name": "an-application", "id": "6daf728adfcef91c", "scopes": ["events:write", "events:read", "notifications"]}
RULE = {"name": "sign-ins-from-elsewhere", "severity": "warning", "transports": ["mail", "slack-developers"]}


def table(items, columns, width):
    output = Output()
    output.console = Console(file=io.StringIO(), width=width)
    output.items(items, columns, none="")
    return output.console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 149, 150, 400])
@pytest.mark.parametrize(
    ("item", "columns", "called"),
    [
        (EVENT, EVENTS, EVENT["id"]),
        (DELIVERY, DELIVERIES, DELIVERY["id"]),
        (KEY, KEYS.columns, KEY["name"]),
        (RULE, RULES.columns, RULE["name"]),
    ],
)
def test_what_an_item_is_called_is_whole_on_one_line(item, columns, called, width):
    lines = table([item], columns, width).splitlines()

    assert len(lines) == 2
    assert called in lines[1]
    assert max(map(len, lines)) <= width


def test_what_is_cut_says_so_and_what_has_no_room_is_left_out():
    title, line = table([EVENT], EVENTS, 80).splitlines()

    assert title.split() == ["TIME", "ACTION", "WHAT", "ID"]
    assert line.count("…") == 2


def test_a_name_that_is_wider_than_the_terminal_is_folded_not_cut():
    shown = table([DELIVERY], DELIVERIES, 30)

    assert "".join(shown.split()[1:]) == DELIVERY["id"]


def test_a_pipe_has_all_of_it():
    assert EVENT["summary"] in table([EVENT], EVENTS, 100_000)
