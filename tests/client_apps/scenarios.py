"""What each application is asked, and the events that are to arrive of it, field by field, wherever they are sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from local.waiting import until
from tests.client_apps.servers import Application

type Event = dict[str, Any]
type Arrived = Callable[..., list[Event]]
"""`arrived(2, action="login")`: the events with such fields, as soon as there are two."""

MASK = "*" * 20
ALICE = {"pk": 1, "username": "alice", "email": "alice@example.com"}


def request_of(event: Event, **expected: object) -> str:
    """Check what an event says of its request; its id."""
    told = dict(event["context"]["http_request"])
    request_id = told.pop("request_id")
    assert len(request_id) == 32
    assert told == {"path": "/event/", "method": "GET", "args": {}, "user_agent": "browser/1"} | expected
    return request_id


def django(site: Application, arrived: Arrived) -> None:
    """Sign in, read, change, fail, sign out."""
    browser = requests.Session()
    assert site.ask("/login/?username=alice&password=wrong", session=browser).status_code == 401
    assert site.ask("/login/?username=alice&password=secret", session=browser).status_code == 200
    answer = site.ask("/event/?page=2&token=t", session=browser)
    site.ask("/change/", session=browser)
    site.ask("/change/", session=browser)
    assert site.ask("/fail/", session=browser).status_code == 500
    assert site.ask("/suspicious/", session=browser).status_code == 400
    site.ask("/logout/", session=browser)

    (failed,) = arrived(action="login_failed")
    assert (failed["user"], failed["context"]["password"]) == ({"username": "alice"}, MASK)
    request_of(failed, path="/login/", args={"username": "alice", "password": MASK})

    (login,) = arrived(action="login")
    assert login["user"] == ALICE
    assert login["context"]["auth_method"] == "django.contrib.auth.backends.ModelBackend"

    (read,) = arrived(action="custom_note_read")
    assert (read["id"], read["user"]) == (answer.json()["id"], ALICE)
    assert (read["client_ip"], read["expiring"]) == ("203.0.113.7", True)
    assert (read["context"]["note"], read["context"]["token"]) == (7, MASK)
    assert request_of(read, args={"page": "2", "token": MASK}) == answer.headers["x-request-id"]

    (created,) = arrived(action="model_created")
    model = {"app": "notes", "model_name": "note", "pk": 1, "name": "first"}
    assert (created["context"]["model"], created["user"]) == (model, ALICE)
    request_of(created, path="/change/")

    updated = sorted(arrived(2, action="model_updated"), key=lambda event: event["id"])
    assert [event["context"]["diff"]["stars"] for event in updated] == [
        {"previous_value": 0, "new_value": 1},
        {"previous_value": 1, "new_value": 2},
    ]

    (raised,) = arrived(action="system_exception")
    frame = raised["context"]["exception"]["frames"][-1]
    assert (raised["context"]["message"], raised["user"]) == ("KeyError: 'the-note'", ALICE)
    assert (frame["function"], frame["source"]) == ("fail", 'raise KeyError("the-note")')

    (suspicious,) = arrived(action="suspicious_request")
    assert suspicious["context"]["message"] == "it asked for /etc/passwd"
    assert suspicious["context"]["reason"] == "SuspiciousOperation"
    request_of(suspicious, path="/suspicious/")

    (logout,) = arrived(action="logout")
    assert (logout["user"], logout["client_ip"]) == (ALICE, "203.0.113.7")


def django_async(site: Application, arrived: Arrived) -> None:
    """The same in views that are coroutines."""
    browser = requests.Session()
    site.ask("/login/?username=alice&password=secret", session=browser)
    answer = site.ask("/event-async/", session=browser)
    assert site.ask("/fail-async/", session=browser).status_code == 500
    site.ask("/change-async/", session=browser)

    (read,) = arrived(id=answer.json()["id"])
    assert request_of(read, path="/event-async/") == answer.headers["x-request-id"]
    assert read["user"] == ALICE
    (raised,) = arrived(action="system_exception")
    assert (raised["context"]["message"], raised["user"]) == ("KeyError: 'the-note'", ALICE)
    (updated,) = arrived(action="model_updated")
    assert updated["user"] == ALICE


def flask(site: Application, arrived: Arrived) -> None:
    """Ask several workers."""
    answers: list[requests.Response] = []

    def several_workers() -> bool:
        with ThreadPoolExecutor(8) as pool:
            answers.extend(pool.map(lambda _: site.ask("/event/?page=2&token=t"), range(16)))
        return len({answer.json()["pid"] for answer in answers}) > 1

    until(several_workers, 180, of="answers of several workers", pause_s=0)
    assert site.ask("/fail/").status_code == 500
    assert site.ask("/suspicious/").status_code == 400

    paid = arrived(len(answers), action="custom_invoice_paid")
    assert sorted(event["id"] for event in paid) == sorted(answer.json()["id"] for answer in answers)
    assert {event["context"]["pid"] for event in paid} == {answer.json()["pid"] for answer in answers}
    for event in paid:
        assert event["user"] == {"pk": 7, "username": "alice"}
        assert (event["client_ip"], event["context"]["invoice"]) == ("203.0.113.7", 4711)
    ids = {request_of(event, args={"page": "2", "token": MASK}) for event in paid}
    assert ids == {answer.headers["x-request-id"] for answer in answers}

    (raised,) = arrived(action="system_exception")
    assert (raised["context"]["message"], raised["user"]) == (
        "KeyError: 'the-invoice'",
        {"pk": 7, "username": "alice"},
    )
    request_of(raised, path="/fail/")
    (suspicious,) = arrived(action="suspicious_request")
    assert suspicious["context"]["reason"] == "SecurityError"


def fastapi(site: Application, arrived: Arrived) -> None:
    """A dependency, an awaited event, an exception."""
    answer = site.ask("/event/?page=2&token=t", "POST", **{"X-Request-ID": "a" * 32})
    awaited = site.ask("/awaited/", "POST")
    assert site.ask("/fail/").status_code == 500

    (paid,) = arrived(id=answer.json()["id"])
    assert (paid["action"], paid["user"]) == ("custom_invoice_paid", {"pk": 7, "username": "alice"})
    assert (paid["client_ip"], paid["context"]["invoice"]) == ("203.0.113.7", 4711)
    request_id = request_of(paid, method="POST", args={"page": "2", "token": MASK})
    assert request_id == answer.headers["x-request-id"] == "a" * 32

    (second,) = arrived(id=awaited.json()["id"])
    request_of(second, path="/awaited/", method="POST")
    (raised,) = arrived(action="system_exception")
    assert raised["context"]["message"] == "KeyError: 'the-invoice'"
    request_of(raised, path="/fail/")


def aiohttp(site: Application, arrived: Arrived) -> None:
    """One event."""
    answer = site.ask("/event/?page=2&page=3&token=t", "POST", **{"X-Request-ID": "r" * 32})

    (paid,) = arrived(id=answer.json()["id"])
    assert (paid["user"], paid["client_ip"]) == ({"username": "alice"}, "203.0.113.7")
    assert paid["context"]["invoice"] == 4711
    assert request_of(paid, method="POST", args={"page": ["2", "3"], "token": MASK}) == "r" * 32


SCENARIOS = {
    "django-gunicorn": django,
    "django-uvicorn": django,
    "django-uvicorn-async": django_async,
    "flask-gunicorn": flask,
    "flask-preloaded": flask,
    "fastapi-uvicorn": fastapi,
    "aiohttp": aiohttp,
}
"""What is asked of which application: the name of one in servers.COMMANDS, and more behind it."""

APPS = {
    "django-gunicorn": {"notes", "auth"},
    "django-uvicorn": {"notes", "auth"},
    "django-uvicorn-async": {"notes", "auth"},
    "flask-gunicorn": {"tests.client_apps.flask_app"},
    "flask-preloaded": {"tests.client_apps.flask_app"},
    "fastapi-uvicorn": {"tests.client_apps.fastapi_app", "asgi"},
    "aiohttp": {"tests.client_apps.aiohttp_app"},
}
"""The apps that the events name where none is configured."""
