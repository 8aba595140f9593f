"""docs/walks.md: the files that one event and one delivery pass through, as they do."""

import pytest

from local.sinks import Sinks
from tests.expanded_template import ROOT
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Client
from tests.integration.walks import Walk, walking
from tocsin.ids import new_id
from tocsin.times import utc_now

PAGE = ROOT / "docs" / "walks.md"
WRITTEN = ROOT / ".local" / "walks.md"
EVENT = {"action": "login_failed", "user": {"username": "alice"}, "client_ip": "203.0.113.7"}
MOST_CLIMBS = 5


@pytest.fixture
def post(stack: Stack) -> Walk:
    """POST /events of one event, by a function that had one before and holds the configuration."""
    client = Client(stack, "ingest")
    client.post(EVENT)

    with walking() as walk:
        answer = client.post(EVENT)

    assert answer.status == 201
    return walk


@pytest.fixture
def delivery(world: World, sinks: Sinks) -> Walk:
    """One webhook that its endpoint takes, by a function that sent one before."""
    world.hook(f"{sinks.url}/webhook/x")
    handler = world.stack.function("webhook").handler
    # Of this moment, by which the function goes: it asks more about what comes late.
    messages = [world.message(event_id=world.event(id=new_id(utc_now())).id) for _ in range(2)]
    world.send(messages[0])
    handler({"Records": world.waiting()}, world.stack.context)
    world.send(messages[1])
    records = world.waiting()

    with walking() as walk:
        handler({"Records": records}, world.stack.context)

    assert world.delivery(messages[1])["state"] == "delivered"
    return walk


def test_the_page_says_which_files_are_entered(post: Walk, delivery: Walk) -> None:
    """Where this fails since code moved: look whether the new walk is as good, then copy what was written."""
    said = PAGE.read_text("utf-8")
    introduction = said.partition("\n## ")[0]
    page = f"{introduction}\n## POST /events\n\n{post.shown()}\n\n## One webhook delivery\n\n{delivery.shown()}\n"
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(page, "utf-8")

    assert said == page, f"cp {WRITTEN.relative_to(ROOT)} {PAGE.relative_to(ROOT)}"


def test_post_events_climbs_back_up_less_than_six_times(post: Walk) -> None:
    assert post.climbs <= MOST_CLIMBS, post.shown()


def test_a_climb_is_from_a_lower_room_to_a_new_file_of_one_that_was_entered_before() -> None:
    paths = ("ingest/service", "http/request", "ingest/body", "config/store", "times", "events/draft", "ids", "times")

    walk = Walk({f"layers/core/tocsin/{path}.py": "f" for path in paths})

    assert walk.rooms == ["ingest", "http", "config", "times", "events", "ids"]
    assert walk.climbs == 1  # from http to ingest: to config and events it came for the first time
