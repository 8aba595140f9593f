"""An end as services with incidents hear of it: by the key of its beginning."""

import json
from dataclasses import replace

from jsonschema import Draft202012Validator

from tests.unit.notifications.presets.test_requests import DOCUMENTED, preset_of
from tests.unit.notifications.test_context import rendering_context
from tocsin.deliveries.model import DeliveryMessage
from tocsin.notifications.digest import Digest
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.presets import Kind, Told, render
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.webhook import webhook_body
from tocsin.notifications.wording import words_of

ABOUT = "0123456789abcdef0123456789abcdef"
BEGINNING = replace(rendering_context(action="custom_service_down"), about=ABOUT)
END = replace(rendering_context(action="custom_service_up"), about=ABOUT, over=True)


def test_pagerduty_resolves_the_incident_that_the_beginning_triggered() -> None:
    documented = DOCUMENTED["pagerduty"]
    bodies = [
        json.loads(render(preset_of("pagerduty"), Told.of(each, "m"), documented["options"], documented["url"]).body)
        for each in (BEGINNING, END)
    ]

    for body in bodies:
        Draft202012Validator(documented["schema"]).validate(body)
    assert [(body["event_action"], body["dedup_key"]) for body in bodies] == [("trigger", ABOUT), ("resolve", ABOUT)]


def test_an_end_is_said_in_the_readers_language() -> None:
    titles = [words_of(END, Catalogues.packaged().best(locale)).title for locale in ("en", "de")]

    assert titles == ["Over: Service up", "Vorbei: Service up"]


def test_a_webhook_hears_of_an_end() -> None:
    assert [webhook_body(each).get("over") for each in (BEGINNING, END)] == [None, True]


def test_a_message_keeps_what_it_ends_on_its_way() -> None:
    message = DeliveryMessage(
        event_id="e", rule="r", severity=Severity.ALERT, transport="t", mode="webhook", user=None, once=True
    )
    message = replace(message, about=ABOUT, over=True)

    assert DeliveryMessage.from_body(message.to_body()) == message


def test_a_group_whose_latest_ends_it_resolves() -> None:
    notification = Notification.of(END.event, "r", Severity.ALERT, None)
    digest = Digest(
        "d", 1, "group", END.event.created, {Severity.ALERT: 1}, {}, (notification,), {"host": "a"}, over=True
    )

    told = Told.of(replace(END, digest=digest), "m")

    assert (told.kind, told.key, told.title) == (Kind.RESOLVE, ABOUT, "Over: 1 notification")
    assert webhook_body(replace(END, digest=digest))["digest"]["over"] is True
