"""What the matcher makes of one matter, in Slack by a bot: a group that goes on and its end are one thread."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.delivery_world import bodies
from tests.integration.telling.telling_world import TellingWorld
from tocsin.events.model import Event
from tocsin.notifications.digest import SHOWN
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets

MODE = "webhook_slack"
GROUP = {"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def by_bot(telling: TellingWorld, **rule: Any) -> None:
    """Have the rule tell a channel of Slack."""
    telling.rules(transports=["ops"], resolve={"action": "service_up"}, **rule)
    telling.secrets.put("token", TransportSecrets(bot_token="xoxb-1234567890-abcdefghijkl"))
    bot = NotificationTransport(
        name="ops",
        mode=TransportMode.WEBHOOK_SLACK,
        url=f"{telling.sinks.url}/api",
        channel="#ops",
        secrets_ref="token",
        send_once=True,
    )
    configuration = telling.configuration.current(fresh=True)[1].changed(transports=(bot,))
    telling.configuration.publish(configuration, replacing=telling.configuration.version(fresh=True), by="test")


def says(telling: TellingWorld, action: str, host: str = "web-1") -> Event:
    telling.later(seconds=1)
    app = "shop" if action == "custom_service_down" else "monitor"
    return telling.event(app=app, action=action, context={"host": host})


def test_a_group_that_goes_on_and_its_end_are_one_thread_and_the_next_begins_another(telling: TellingWorld) -> None:
    by_bot(telling, group=GROUP)
    worker = telling.worker(MODE)

    telling.match(says(telling, "custom_service_down"), says(telling, "custom_service_down"))
    telling.go_on(worker, MODE, minutes=2)
    telling.match(says(telling, "custom_service_down"), says(telling, "custom_service_down", "web-2"))
    telling.go_on(worker, MODE, minutes=6)
    telling.match(says(telling, "custom_service_up"))
    telling.go_on(worker, MODE, minutes=6)
    telling.match(says(telling, "custom_service_down"))
    telling.go_on(worker, MODE, minutes=6)

    posted = bodies(telling.sinks, "/api/chat.postMessage")
    of_web_1 = [body for body in posted if "web-2" not in str(body)]
    threads = [body.get("thread_ts") for body in of_web_1]
    assert len(posted) == 5
    assert (threads[0], threads[3]) == (None, None)
    assert threads[1] is not None
    assert threads[1] == threads[2]
    assert [body.get("reply_broadcast") for body in of_web_1] == [None, None, True, None]


def test_the_end_of_many_events_is_that_of_what_happened_last_and_what_is_late_is_of_its_thread(
    telling: TellingWorld,
) -> None:
    by_bot(telling, group=GROUP)
    worker = telling.worker(MODE)
    *downs, late = (says(telling, "custom_service_down") for _ in range(SHOWN + 2))

    telling.match(*downs, says(telling, "custom_service_up"))
    telling.go_on(worker, MODE, minutes=2)
    telling.match(late)
    telling.go_on(worker, MODE, minutes=6)

    first, second = bodies(telling.sinks, "/api/chat.postMessage")
    assert "Over: 7 notifications" in str(first)
    assert (first.get("thread_ts"), second.get("thread_ts") is None) == (None, False)
