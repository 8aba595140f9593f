"""Exports and erasures on the deployed stack, run by its schedule, with IAM enforced."""

import json
from uuid import uuid4

import requests

from local.waiting import until


def ended(api, answer):
    """The job that was asked for, when it is over."""
    assert answer.status_code == 202, answer.text

    def over():
        job = api.ask("GET", answer.headers["location"]).json()
        return job if job["state"] in {"done", "failed"} else None

    return until(over, 240, of="the end of a job")


def test_an_export_is_a_file_behind_a_link_and_a_notification(api):
    app = f"exported-{uuid4()}"
    posted = api.post_events([{"action": "login", "app": app, "context": {"number": number}} for number in range(30)])

    job = ended(api, api.ask("POST", "/exports", json={"filters": {"app": app}}))

    file = requests.get(job["link"], timeout=120)
    assert (job["state"], job["events"], file.status_code) == ("done", 30, 200), job
    assert len(posted) == 30
    assert sorted(json.loads(line)["context"]["number"] for line in file.text.splitlines()) == [*range(30)]
    ready = api.ask("GET", "/events", params={"action": "export_ready", "search": job["id"]}).json()["items"]
    assert [event["context"]["export"] for event in ready] == [job["id"]]


def test_the_events_of_a_person_are_gone_and_one_says_so_without_the_name(api):
    name, app = f"erased-{uuid4()}", f"app-{uuid4()}"
    event = api.post_event({"action": "login", "app": app, "user": {"username": name}})
    kept = api.post_event({"action": "login", "app": app, "user": {"username": f"{name}-not"}})

    job = ended(api, api.ask("POST", "/erasures", json={"username": name, "reason": "a test"}))

    assert (job["state"], job["events"]) == ("done", 1), job
    assert api.ask("GET", f"/events/{event['id']}").status_code == 404
    assert api.ask("GET", f"/events/{kept['id']}").status_code == 200
    assert api.ask("GET", "/events", params={"username": name}).json()["items"] == []
    (report,) = api.ask("GET", "/events", params={"action": "model_deleted", "search": job["id"]}).json()["items"]
    assert (report["context"]["events"], name in json.dumps(report)) == (1, False)
