"""Events in one line of code: what they say, and that saying it hurts nobody."""

import asyncio
import datetime
import logging
import runpy
import subprocess
import sys

import pytest

import tocsin_client.http_request
from tests.unit.client.api_server import KEY, LIBRARY, hangs
from tocsin_client import Event, EventAction, Refused, Unreachable, configuration, log_deprecation
from tocsin_client.context import audit_overwrite_user, bound_request_id
from tocsin_client.event import app_of

DAY = datetime.timedelta(days=1)


@pytest.fixture
def configured(make, monkeypatch):
    """`make`'s client is the process's; what was configured before is so again after."""
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    monkeypatch.delenv("TOCSIN_URL", raising=False)
    monkeypatch.delenv("TOCSIN_KEY", raising=False)
    client = make()
    configuration.configure(client=client)
    return client


@pytest.fixture
def stored(api, configured):
    """The only event that the API has, once it has it."""

    def one():
        assert configured.flush(timeout=120)
        (event,) = api.stored.values()
        return event

    return one


def test_an_event_is_saved_with_all_that_was_said_of_it(stored):
    event_id = (
        Event.new("invoice_paid", app="billing", invoice=4711, tags={"b", "a"})
        .set_user({"pk": 7, "username": "alice", "email": "alice@example.com"})
        .expires_in("days=30")
        .save()
    )

    event = stored()
    assert event.to_json() == {
        "id": event_id,
        "created": event.to_json()["created"],
        "action": "custom_invoice_paid",
        "app": "billing",
        "user": {"pk": 7, "username": "alice", "email": "alice@example.com"},
        "context": {"invoice": 4711, "tags": ["a", "b"]},
        "client_ip": None,
        "brand": "default",
        "expires": event.to_json()["expires"],
        "expiring": True,
        "key_id": None,
    }
    assert abs(event.expires - datetime.datetime.now(datetime.UTC) - 30 * DAY) < datetime.timedelta(minutes=1)


def test_an_action_is_known_by_its_name_and_by_the_enumeration(api, configured):
    Event.new("login").save()
    Event.new(EventAction.LOGOUT).save()

    assert configured.flush(timeout=120)
    assert [event.action for event in api.stored.values()] == ["login", "logout"]


def test_a_context_may_have_the_names_of_parameters(stored):
    Event.new("x", app="a", action="y", cls="z", self="s").save()

    assert stored().context == {"action": "y", "cls": "z", "self": "s"}


def test_the_app_is_the_callers_module(stored):
    Event.new("login").save()

    assert stored().app == __name__


def test_the_app_is_the_configured_one_where_none_is_said(make, monkeypatch):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    configuration.configure(client=make(app="billing"))

    assert Event.new("login").app == "billing"
    assert Event.new("login", app="mail").app == "mail"


@pytest.mark.parametrize(
    ("globals_of_caller", "app"),
    [
        ({"__name__": "shop.views"}, "shop.views"),
        ({"__name__": "__main__", "__spec__": None, "__file__": "/srv/nightly-job.py"}, "nightly-job"),
        ({"__name__": "__main__", "__spec__": None}, "__main__"),
        ({}, "unknown"),
    ],
)
def test_a_callers_app_is_told_by_its_module(globals_of_caller, app):
    assert app_of(globals_of_caller) == app


def test_the_app_of_a_module_that_is_run_is_its_name(tmp_path, monkeypatch):
    (tmp_path / "nightly").mkdir()
    (tmp_path / "nightly" / "__init__.py").touch()
    (tmp_path / "nightly" / "__main__.py").write_text(
        "from tocsin_client import Event\napp = Event.new('started').app\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert runpy.run_module("nightly", run_name="__main__")["app"] == "nightly"


def test_secrets_are_masked_before_they_leave_the_process(api, configured):
    Event.new("login", password="hunter2", url="https://x.example/?token=hunter2&page=2").set_user(
        {"username": "alice", "email": "a@example.com"}
    ).save()

    assert configured.flush(timeout=120)
    assert b"hunter2" not in api.requests[0].body
    assert b"page=2" in api.requests[0].body


def test_secrets_are_masked_in_what_the_client_itself_sends(api, configured):
    configured.send("login", context={"api_key": "hunter2"}, user={"username": "a", "session_token": "hunter2"})

    assert b"hunter2" not in api.requests[0].body


def test_a_secret_at_a_cut_is_masked_as_well(api, configured):
    """Cut first, a secret no longer looks like one."""
    token = "eyJhbGciOiJIUzI1NiJ9." + "a" * 40_000 + "." + "b" * 10

    Event.new("login", header=f"{'x' * 30_000} {token}").save()

    assert configured.flush(timeout=120)
    assert b"aaaa" not in api.requests[0].body


def test_an_event_is_said_to_be_kept_for_ever(stored):
    Event.new("login").never_expires().save()

    assert stored().expires is None


def test_an_event_has_the_time_at_which_it_was_begun(api, configured):
    event = Event.new("login")
    later = Event.new("later")

    later.save(wait=True)
    event.save(wait=True)

    assert api.stored[event.id].created <= api.stored[later.id].created


def test_an_event_that_is_saved_twice_is_stored_once(stored):
    event = Event.new("login")

    event.save()
    event.save()

    assert stored().id == event.id


def test_a_saved_event_that_is_waited_for_is_stored(api, configured):
    receipt = Event.new("login").save(wait=True)

    assert list(api.stored) == [receipt.id]


def test_an_event_that_is_waited_for_raises_where_it_is_refused(configured):
    with pytest.raises(Refused, match="action"):
        Event.new("b a d").save(wait=True)


def test_an_event_that_is_waited_for_raises_where_the_api_does_not_answer(api, make):
    api.faults.append(hangs)

    with pytest.raises(Unreachable, match="timed out"):
        Event.new("login").save(wait=True, client=make(timeout=0.05, retries=0))


def test_an_event_can_be_awaited(api, configured):
    async def save():
        return await Event.new("login").asave()

    receipt = asyncio.run(save())

    assert list(api.stored) == [receipt.id]


def test_the_event_loop_goes_on_while_an_event_is_awaited(api, configured):
    api.faults.append(hangs)

    async def save_and_look():
        saving = asyncio.create_task(Event.new("login").asave(client=configured))
        while not api.requests and not saving.done():
            await asyncio.sleep(0)
        is_awaited = not saving.done()  # the API holds its answer back: whoever waits for that is not here
        api.released.set()
        await saving
        return is_awaited

    assert asyncio.run(save_and_look())


def test_events_of_a_block_have_its_request_id(api, configured):
    with bound_request_id("r-1"):
        Event.new("first").save()
        event = Event.new("second")
        event.context["http_request"] = {"path": "/"}
        event.save()
    Event.new("third").save()

    assert configured.flush(timeout=120)
    requests = [event.context.get("http_request") for event in api.stored.values()]
    assert requests == [{"request_id": "r-1"}, {"path": "/", "request_id": "r-1"}, None]


def test_events_of_a_block_are_by_the_user_that_is_said(api, configured):
    with audit_overwrite_user({"username": "system"}):
        Event.new("first").set_user({"username": "alice"}).save()
    Event.new("second").set_user({"username": "alice"}).save()

    assert configured.flush(timeout=120)
    assert [event.user["username"] for event in api.stored.values()] == ["system", "alice"]


def test_a_snapshot_keeps_what_was_there(stored):
    rows = [1]
    with audit_overwrite_user("system"), bound_request_id("r-1"):
        event = Event.new("x", rows=rows, generated=(n for n in (1, 2))).snapshot()
    rows.append(2)

    with audit_overwrite_user("another"), bound_request_id("r-2"):
        event.save()

    told = stored()
    assert told.context == {"rows": [1], "generated": [1, 2], "http_request": {"request_id": "r-1"}}
    assert told.user == {"username": "system"}


class Hostile:
    """Whatever is asked of it, it raises."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __str__(self):
        raise RuntimeError("no")

    __iter__ = __len__ = __hash__ = __repr__ = __eq__ = __bool__ = __str__


def test_nothing_that_is_said_hurts_the_caller(stored, caplog):
    hostile = Hostile()

    event = Event.new("x", app="a", hostile=hostile).set_user(hostile).from_http(hostile).expires_in(hostile)
    event.with_exception(hostile).on_behalf_of(hostile).save()

    assert "hostile" in stored().context
    assert Event.new(hostile).action == "Hostile"
    assert {record.name for record in caplog.records} == {"tocsin_client"}


def test_a_fault_is_reported_once_a_minute(configured, caplog, monkeypatch):
    monkeypatch.setattr("tocsin_client.faults._reported", {})

    for _ in range(100):
        Event.new("x").from_http(object())

    assert [record.getMessage() for record in caplog.records] == ["a request can't be told"]


def test_without_a_configuration_an_event_is_not_sent_and_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    monkeypatch.setattr("tocsin_client.faults._reported", {})
    monkeypatch.delenv("TOCSIN_URL", raising=False)

    assert [Event.new("login").save(), Event.new("login").save()] == [None, None]

    assert [record.getMessage() for record in caplog.records] == [
        "TOCSIN_URL and TOCSIN_KEY are not set, and configure() was not called: events are not sent"
    ]
    with pytest.raises(RuntimeError, match="TOCSIN_URL"):
        Event.new("login").save(wait=True)


@pytest.mark.parametrize("first", [lambda: Event.new("login").save(), lambda: log_deprecation("old", "use new")])
def test_a_wrong_configuration_hurts_no_caller_and_stays_what_the_log_says(monkeypatch, caplog, first):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    monkeypatch.setattr("tocsin_client.faults._reported", {})
    monkeypatch.setenv("TOCSIN_URL", "http://example.com")
    monkeypatch.setenv("TOCSIN_KEY", KEY)

    assert first() is None
    assert Event.new("login").save() is None

    wrong = "no client can be made of TOCSIN_URL and TOCSIN_KEY: the URL must be https, or http with a loopback address"
    assert [record.getMessage() for record in caplog.records] == [f"{wrong}: events are not sent"]
    assert KEY not in caplog.text
    with pytest.raises(RuntimeError, match=wrong):
        Event.new("login").save(wait=True)


def test_the_environment_configures(api, tmp_path):
    script = (
        "from tocsin_client import Event, flush, log_deprecation\n"
        "event = Event.new('login').from_http({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/', 'REMOTE_ADDR': '10.0.0.9',\n"
        "    'HTTP_X_FORWARDED_FOR': '198.51.100.1, 203.0.113.7'})\n"
        "event.save()\n"
        "log_deprecation('old', 'use new')\n"
        "assert flush(20)\n"
    )
    env = {
        "PYTHONPATH": str(LIBRARY.parent),
        "TOCSIN_URL": api.url,
        "TOCSIN_KEY": KEY,
        "TOCSIN_APP": "billing",
        "TOCSIN_TRUSTED_PROXIES": "1",
        "TOCSIN_SPOOL": str(tmp_path / "spool"),
    }

    subprocess.run([sys.executable, "-S", "-c", script], env=env, check=True, timeout=60)

    events = {event.action: event for event in api.stored.values()}
    assert events["login"].app == events["configuration_warning"].app == "billing"
    assert events["login"].client_ip == "203.0.113.7"
    assert (tmp_path / "spool").exists()


def test_what_is_configured_anew_closes_what_was_before(api, make, configured):
    Event.new("before").save()

    configuration.configure(client=make())

    assert [event.action for event in api.stored.values()] == ["custom_before"]
    assert configured.emit("after") is None


def test_the_brand_of_a_request_is_the_events(stored):
    class Brand:
        name = "Example"

    request = tocsin_client.http_request.HttpRequest(path="/", method="GET", brand=Brand())

    Event.new("login").from_http(request).save()

    assert stored().brand == "Example"


def test_the_library_logs_nothing_of_what_goes_well(api, configured, caplog):
    caplog.set_level(logging.DEBUG)

    Event.new("login").save()

    assert configured.flush(timeout=120)
    assert [record for record in caplog.records if record.name == "tocsin_client"] == []
