"""The client library against the deployed stack: events of real frameworks, field by field, as the API shows them."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest

from local.waiting import until
from local.workspace import ROOT
from tests.client_apps.scenarios import MASK, SCENARIOS
from tests.client_apps.servers import serving
from tests.unit.client.api_server import LIBRARY
from tocsin_client import Client, Event


@pytest.fixture
def app() -> str:
    """An app that no other test's events are of."""
    return f"client-{uuid4()}"


@pytest.fixture
def arrived(api, app):
    """`arrived(2, action="login")`: the events of the app with such fields, as soon as there are two."""

    def events(count: int = 1, **fields: object) -> list[dict]:
        def found() -> list[dict]:
            items = api.ask("GET", "/events", params={"app": app, "limit": "1000"}).json()["items"]
            return [item for item in items if all(item[name] == value for name, value in fields.items())]

        until(lambda: len(found()) >= count, 180, of=f"{count} events of {app} {fields}")
        return found()

    return events


@pytest.fixture
def client(stack, app):
    """The client with the admin key."""
    made = Client(stack.facts.api_url, stack.facts.admin_key, app=app, timeout=120, flush_on_sigterm=False)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["django-gunicorn", "django-uvicorn-async", "flask-preloaded", "fastapi-uvicorn"])
def test_the_events_of_an_application_arrive_as_they_were_meant(stack, arrived, app, tmp_path, name):
    with serving(
        name.removesuffix("-async"), stack.facts.api_url, stack.facts.admin_key, tmp_path, TOCSIN_APP=app
    ) as site:
        SCENARIOS[name](site, arrived)

    assert {event["app"] for event in arrived()} == {app}


PAYLOADS = ("api-event", "api-events-search", "ingest-single")


def test_a_function_behind_api_gateway_records_who_asked_it_what(stack, api, app, arrived):
    script = (
        "import json, sys\n"
        "from tocsin_client import Event\n"
        "from tocsin_client.aws_lambda import audited\n"
        "class Context:\n"
        "    function_name, aws_request_id = 'shop', 'invocation-1'\n"
        "    def get_remaining_time_in_millis(self): return 60_000\n"
        "@audited\n"
        "def handler(event, context):\n"
        "    Event.new('asked', password='x', route=event['routeKey'] + event['rawPath']).from_http(event).save()\n"
        "    return {'statusCode': 200}\n"
        "for line in sys.stdin: handler(json.loads(line), Context())\n"
        "import os; os._exit(0)\n"  # as if it were frozen for good: nothing is sent after the answers
    )
    payloads = {name: json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8")) for name in PAYLOADS}
    environment = {
        "PYTHONPATH": str(LIBRARY.parent),
        "TOCSIN_URL": stack.facts.api_url,
        "TOCSIN_KEY": stack.facts.admin_key,
        "TOCSIN_APP": app,
        "PATH": os.environ["PATH"],
    }

    subprocess.run(
        [sys.executable, "-c", script],
        input="\n".join(json.dumps(payload) for payload in payloads.values()),
        env=environment,
        text=True,
        check=True,
        timeout=120,
    )

    events = arrived(len(payloads), action="custom_asked")
    for payload in payloads.values():
        (event,) = [event for event in events if event["context"]["route"] == payload["routeKey"] + payload["rawPath"]]
        told = event["context"]["http_request"]
        assert event["client_ip"] == payload["requestContext"]["http"]["sourceIp"]
        assert event["context"]["password"] == MASK
        assert told == {
            "path": payload["rawPath"],
            "method": payload["requestContext"]["http"]["method"],
            "args": dict(parse_qsl(payload["rawQueryString"])),
            "user_agent": payload["requestContext"]["http"]["userAgent"],
            "request_id": payload["requestContext"]["requestId"],
        }


def test_a_batch_goes_through_the_gateway_compressed(stack, api, client, arrived):
    ids = [client.emit("numbered", context={"n": number, "text": "ä" * 50}) for number in range(500)]

    assert client.flush(timeout=60)
    events = arrived(500)
    assert sorted(event["id"] for event in events) == sorted(ids)
    assert {event["context"]["n"] for event in events} == set(range(500))
    assert {event["context"]["text"] for event in events} == {"ä" * 50}


def test_a_deprecation_that_many_processes_say_at_once_is_stored_once(stack, api, app, arrived):
    identifier = f"old-setting-{app}"

    def say(_: int) -> int:
        own = Client(stack.facts.api_url, stack.facts.admin_key, app=app, timeout=60, flush_on_sigterm=False)
        own.log_deprecation(identifier, "use new-setting", "settings.yml")
        assert own.flush(timeout=60)
        own.close()
        return own.lost

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(say, range(6))) == 0

    (event,) = arrived(action="configuration_warning")
    assert event["context"] == {"deprecation": identifier, "message": "use new-setting", "cause": "settings.yml"}


def test_of_requests_with_one_once_key_at_once_one_stores(api, app):
    event = {"action": "said", "app": app, "once": {"key": app, "window": "hours=1"}}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.ask("POST", "/events", json=event), range(16)))

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_saved_event_is_told_to_whom_the_rules_say(api, client):
    receipt = Event.new("rehearsal", app="signed", message="by the client").save(wait=True, client=client)

    story = until(
        lambda: (told := api.story(receipt.id)).deliveries and all(each.final for each in told.deliveries) and told,
        60,
        of="a delivery",
    )
    assert {delivery.state for delivery in story.deliveries} == {"delivered"}
