"""Celery tasks, by a worker whose broker is in memory."""

import os
import subprocess
import sys

import pytest
from celery.contrib.testing.worker import start_worker

from local.workspace import ROOT
from tests.client_apps import celery_app
from tests.unit.client.api_server import KEY, Api
from tocsin_client import configuration
from tocsin_client.context import bound_request_id


@pytest.fixture
def work(api: Api, make, monkeypatch):
    """Runs tasks in a worker, and gives the events that come of them."""
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    client = configuration.configure(client=make())

    def run(*calls):
        with start_worker(celery_app.app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
            with bound_request_id("r-1"):
                results = [task.delay(*arguments) for task, *arguments in calls]
            for result in results:
                result.get(timeout=60, propagate=False)
        assert client.flush(timeout=120)
        return [event.to_json() for event in api.stored.values()]

    return run


def test_events_of_a_task_have_the_id_of_the_request_that_sent_it(work):
    paid, executed = work((celery_app.pay, 7))

    assert (paid["action"], paid["context"]["number"]) == ("custom_paid", 7)
    assert executed["action"] == "system_task_execution"
    assert executed["context"]["task"]["name"] == "billing.pay"
    assert {event["context"]["http_request"]["request_id"] for event in (paid, executed)} == {"r-1"}
    assert executed["app"] == "tests.client_apps.celery_app"


def test_a_task_that_fails_is_told(work):
    (event,) = work((celery_app.fail,))

    assert event["action"] == "system_task_exception"
    assert event["context"]["message"] == "KeyError: 'the-invoice'"
    assert event["context"]["exception"]["frames"][-1]["function"] == "fail"
    assert (event["context"]["task"]["name"], event["context"]["task"]["retries"]) == ("billing.fail", 0)
    assert event["context"]["http_request"]["request_id"] == "r-1"


def test_a_task_that_is_tried_again_is_told_once_it_has_failed(work):
    (event,) = work((celery_app.retry,))

    assert event["context"]["message"] == "ValueError: again"
    assert event["context"]["task"]["retries"] == 1


def test_the_processes_of_a_worker_deliver_before_they_are_shut_down(api: Api):
    sources = os.pathsep.join(map(str, (ROOT, ROOT / "layers/client")))
    environment = {"PYTHONPATH": sources, "PATH": os.environ["PATH"], "TOCSIN_URL": api.url, "TOCSIN_KEY": KEY}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.client_apps.celery_app"],
        env=environment,
        cwd=ROOT,
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    events = [event.to_json() for event in api.stored.values()]
    paid = [event for event in events if event["action"] == "custom_paid"]
    assert sorted(event["context"]["number"] for event in paid) == list(range(celery_app.TASKS))
    assert [event["action"] for event in events].count("system_task_execution") == celery_app.TASKS
    assert [event["action"] for event in events].count("system_task_exception") == 1
    assert {event["context"]["http_request"]["request_id"] for event in events} == {"r-1"}
