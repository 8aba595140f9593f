"""Applications of real frameworks, run by their real servers, and the events that arrive of them, field by field."""

import json
from collections import Counter
from pathlib import Path

import pytest

from local.waiting import until
from tests.client_apps.scenarios import APPS, SCENARIOS
from tests.client_apps.servers import serving
from tests.unit.client.api_server import KEY, Api


@pytest.fixture
def arrived(api: Api):
    """`arrived(2, action="login")`: the events with such fields, as soon as there are two."""

    def events(count: int = 1, **fields: object) -> list[dict]:
        def found() -> list[dict]:
            shown = [event.to_json() for event in list(api.stored.values())]
            return [event for event in shown if all(event[name] == value for name, value in fields.items())]

        return until(
            lambda: found() if len(found()) >= count else None, 30, of=f"{count} events {fields}", pause_s=0.02
        )

    return events


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_events_of_an_application_arrive_once_and_as_they_were_meant(api, arrived, tmp_path: Path, name):
    with serving(name.removesuffix("-async"), api.url, KEY, tmp_path) as site:
        SCENARIOS[name](site, arrived)

    assert {event.app for event in api.stored.values()} == APPS[name]
    sent = Counter(json.loads(line)["id"] for request in api.requests for line in request.body.splitlines())
    assert set(sent.values()) == {1}


@pytest.mark.parametrize(("name", "times"), [("flask-gunicorn", 3), ("flask-preloaded", 1)])
def test_what_is_saved_while_an_application_is_imported_arrives_once_a_process_that_imports_it(
    api, arrived, tmp_path: Path, name, times
):
    with serving(name, api.url, KEY, tmp_path) as site:
        arrived(times, action="custom_imported")
        site.stop()

    assert len(arrived(action="custom_imported")) == times


@pytest.mark.parametrize(
    ("name", "method"), [("flask-gunicorn", "GET"), ("fastapi-uvicorn", "POST"), ("django-gunicorn", "GET")]
)
def test_what_was_saved_is_sent_when_a_server_is_shut_down(api, tmp_path: Path, name, method):
    with serving(name, api.url, KEY, tmp_path) as site:
        ids = {site.ask("/event/", method).json()["id"] for _ in range(20)}

        site.stop()

    assert ids <= set(api.stored)


def test_what_an_asgi_application_saves_while_it_is_shut_down_is_sent(api, tmp_path: Path):
    with serving("fastapi-uvicorn", api.url, KEY, tmp_path) as site:
        site.stop()

    assert [event.action for event in api.stored.values()] == ["custom_shut_down"]
