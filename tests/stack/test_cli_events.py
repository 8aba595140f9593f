"""The command line and events: sent, imported, searched, followed, their stories, against the running stack."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from local.waiting import until
from tests.cli_process import line_with

TRAIL = {
    "eventVersion": "1.08",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "responseElements": {"ConsoleLogin": "Success"},
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
}


def app_of_its_own():
    return f"cli-{uuid4().hex[:12]}"


def ids(tocsin, app, *more):
    return [event["id"] for event in tocsin("events", "--app", app, "--all", "-o", "ndjson", *more).lines]


def records(app, count, **more):
    start = datetime.now(UTC) - timedelta(days=2)
    moments = (start + timedelta(seconds=number) for number in range(count))
    return "".join(
        json.dumps({"action": "login", "app": app, "created": at.isoformat(), **more}) + "\n" for at in moments
    )


def test_an_event_is_sent_and_shown(tocsin):
    app = app_of_its_own()

    sent = tocsin(
        *("send", "refund", "--app", app, "--user", "alice", "--user-pk", "7", "--client-ip", "203.0.113.7"),
        *("-m", "refunded 12", "model.app=shop", "amount:=12", "--retention", "days=3", "-o", "json"),
    ).json

    shown = tocsin("event", sent["id"], "-o", "json").json
    assert shown["action"] == "custom_refund"
    assert shown["user"] == {"username": "alice", "pk": "7"}
    assert shown["context"] == {"message": "refunded 12", "model": {"app": "shop"}, "amount": 12}
    assert shown["client_ip"] == "203.0.113.7"
    people_see = tocsin("event", sent["id"]).out
    assert "refunded 12" in people_see
    assert sent["id"] in people_see


def test_the_same_id_is_stored_once_and_another_event_with_it_is_a_conflict(tocsin):
    event_id = tocsin("send", "login", "--app", app_of_its_own(), "-o", "json").json["id"]
    own = event_id[:-12] + uuid4().hex[:12]

    tocsin("send", "login", "--id", own)
    tocsin("send", "login", "--id", own)
    refused = tocsin("send", "logout", "--id", own, code=7)

    assert refused.err.startswith("error: ")


def test_what_the_api_refuses_is_told_by_field(tocsin):
    refused = tocsin("send", "login", "--client-ip", "nowhere", code=6)

    assert "client_ip: is no IPv4 or IPv6 address" in refused.err


def test_events_are_found_by_their_filters(tocsin):
    app = app_of_its_own()
    for action, user in (("login", "alice"), ("login", "bob"), ("logout", "alice")):
        tocsin("send", action, "--app", app, "--user", user, f"note={user} {action}")

    def found(*filters):
        events = tocsin("events", "--app", app, "-o", "json", *filters).json
        return [(event["action"], event["user"]["username"]) for event in events]

    everything = [("logout", "alice"), ("login", "bob"), ("login", "alice")]
    assert found() == everything
    assert found("--oldest") == everything[::-1]
    assert found("--user", "alice") == [everything[0], everything[2]]
    assert found("--action", "logout", "--action", "model_created") == [everything[0]]
    assert found("bob", "login") == [everything[1]]
    assert found("--filter", "event.user.username == 'bob'") == [everything[1]]
    assert found("--since", "1h", "--limit", "2") == everything[:2]
    assert found("--until", "1h") == []
    table = tocsin("events", "--app", app).out.splitlines()
    assert table[0].split() == ["TIME", "ACTION", "APP", "USER", "FROM", "WHAT", "ID"]
    assert len(table) == 4


def test_a_filter_that_fails_on_events_is_told_of(tocsin):
    app = app_of_its_own()
    tocsin("send", "login", "--app", app)

    ran = tocsin("events", "--app", app, "--filter", "event.context.amount > 3")

    assert "could not be evaluated for 1 event, which" in ran.err


def test_following_shows_each_event_once_also_one_that_comes_late(tocsin, api):
    app = app_of_its_own()
    with tocsin.running(
        "events", "--app", app, "--follow", "--interval", "0.5", "--since", "10m", "-o", "ndjson"
    ) as tail:
        posted = [api.post_event({"action": "login", "app": app, "context": {"n": n}})["id"] for n in range(5)]
        until(lambda: len(tail.out) >= 5, 180, of="five events")
        late = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
        posted.append(api.post_event({"action": "logout", "app": app, "created": late})["id"])
        posted.append(api.post_event({"action": "login", "app": app})["id"])
        until(lambda: len(tail.out) >= 7, 180, of="the late event")
        code = tail.interrupted()

    assert code == 130
    assert Counter(json.loads(line)["id"] for line in tail.out) == Counter(posted)


def test_following_writes_a_line_an_event_for_people(tocsin, api):
    app = app_of_its_own()
    with tocsin.running("events", "--app", app, "-f", "--interval", "0.5", "--since", "1m") as tail:
        event_id = api.post_event({"action": "login_failed", "app": app, "user": {"username": "alice"}})["id"]
        line = line_with(tail.out, event_id)

    assert "alice failed to log in" in line


def test_a_file_is_imported_once_however_often_it_is_sent(tocsin):
    app = app_of_its_own()
    name = tocsin.written("events.jsonl", records(app, 600))

    assert "600 events stored" in tocsin("import", name).err
    assert "600 records of an earlier run not sent again" in tocsin("import", name).err
    assert "600 events stored" in tocsin("import", name, "--again").err

    assert len(ids(tocsin, app)) == len(set(ids(tocsin, app))) == 600


def test_an_import_that_is_killed_goes_on_and_stores_each_record_once(tocsin):
    app = app_of_its_own()
    name = tocsin.written("events.jsonl", records(app, 1100))
    bookmarks = tocsin.directory / ".local" / "state" / "tocsin" / "imports"
    with tocsin.running("import", name) as run:
        until(lambda: bookmarks.exists() and [*bookmarks.glob("*.json")], 180, of="the first batch")
        run.process.kill()
        run.process.wait()

    ended = tocsin("import", name)

    again = int(re.search(r"([\d,]+) records of an earlier run", ended.err)[1].replace(",", ""))
    assert 0 < again < 1100
    assert len(set(ids(tocsin, app))) == len(ids(tocsin, app)) == 1100


def test_what_was_exported_keeps_its_ids_and_doubles_nothing(tocsin):
    app = app_of_its_own()
    sent = [tocsin("send", "login", "--app", app, "--user", "alice", "-o", "json").json["id"] for _ in range(3)]
    name = tocsin.written("exported.jsonl", tocsin("events", "--app", app, "--all", "-o", "ndjson").out)

    planned = tocsin("import", "--dry-run", name).lines
    refused = tocsin("import", name, code=1)

    assert sorted(event["id"] for event in planned) == sorted(sent)
    # This stack has them, as they were sent and not as they are shown: it says so, and keeps the first.
    assert refused.err.count("there is another event with the id") == 3
    assert sorted(ids(tocsin, app)) == sorted(sent)


def test_csv_and_cloudtrail_become_events(tocsin):
    app = app_of_its_own()
    day = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
    table = f"time;action;username;amount;app\n{day}T10:00:00Z;refund;bob;12;{app}\n"
    trail = json.dumps({"Records": [{**TRAIL, "eventID": str(uuid4()), "eventTime": f"{day}T10:00:00Z"}]})

    tocsin("import", tocsin.written("a.csv", table))
    tocsin("import", tocsin.written("trail.json", trail))

    (refund,) = tocsin("events", "--app", app, "-o", "json").json
    assert (refund["action"], refund["user"], refund["context"]) == (
        "custom_refund",
        {"username": "bob"},
        {"amount": "12"},
    )
    assert refund["created"] == f"{day}T10:00:00.000Z"
    window = ("--since", f"{day}T09:59:00Z", "--until", f"{day}T10:01:00Z")
    (login,) = tocsin("events", "--app", "aws", "--action", "login", *window, "-o", "json").json
    assert login["user"] == {"username": "alice"}


def test_refused_records_are_told_by_line(tocsin):
    app = app_of_its_own()
    good = records(app, 2)
    bad = json.dumps({"action": "no spaces please", "app": app, "created": datetime.now(UTC).isoformat()})
    name = tocsin.written("events.jsonl", f"{good}{bad}\n")

    ran = tocsin("import", name, "--rejects", "rejects.jsonl", code=1)

    assert "events.jsonl:3: action: may have letters" in ran.err
    assert len(ids(tocsin, app)) == 2
    (reject,) = (tocsin.directory / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["event"]["app"] == app


def test_a_story_has_rules_deliveries_attempts_and_log_lines(tocsin):
    event_id = tocsin("send", "rehearsal", "--app", "signed", "-m", "a story", "-o", "json").json["id"]

    def told():
        story = tocsin("story", event_id, "--logs", "-o", "json").json
        done = [each for each in story["deliveries"] if each["state"] == "delivered"]
        codes = {line["code"] for line in story["logs"]}
        return story if done and {"RULE_FIRED", "DELIVERY_ENDED"} <= codes else None

    story = until(told, 180, of="the story")
    assert [rule["rule"] for rule in story["rules"]] == ["signed"]
    (delivery,) = story["deliveries"]
    assert delivery["transport"] == "pager"
    tree = tocsin("story", event_id, "--logs").out
    assert "rule signed  alert" in tree
    assert "✓ policy app-signed holds" in tree
    assert "pager → farah  delivered" in tree
    assert re.search(r"matcher +RULE_FIRED", tree)


def test_an_event_that_is_not_there_is_not_found(tocsin):
    assert "there is no event" in tocsin("event", "01890a5d-ac96-774b-bcce-b302099a8057", code=3).err
    assert tocsin("story", "01890a5d-ac96-774b-bcce-b302099a8057", code=3).out == ""


def test_a_key_that_may_not_read_is_refused(tocsin, keys):
    refused = tocsin("events", code=4, TOCSIN_KEY=keys["writer"])

    assert "events:read" in refused.err
    assert tocsin("events", code=4, TOCSIN_KEY="unknown").err.startswith("error: ")
