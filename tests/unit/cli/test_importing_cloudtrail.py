"""CloudTrail's records as events, whatever they were delivered in."""

import gzip
import json

import pytest

from tests.unit.cli.test_importing import lines, read, written
from tocsin_cli.importing.sources import FileFormat

TRAIL_RECORD = {
    "eventVersion": "1.08",
    "eventID": "f2f6bd60-4d84-4c3a-9f4b-a4a6a2b5d3a1",
    "eventTime": "2026-03-01T12:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "responseElements": {"ConsoleLogin": "Failure"},
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
    "sourceIPAddress": "203.0.113.7",
}


@pytest.mark.parametrize("name", ["trail.json", "trail.json.gz"])
def test_a_file_of_cloudtrail_is_known_by_what_it_holds(tmp_path, name):
    content = json.dumps({"Records": [TRAIL_RECORD]}).encode()

    (record,) = read(written(tmp_path, name, gzip.compress(content) if name.endswith("gz") else content))

    assert record.event["action"] == "login_failed"
    assert record.event["user"] == {"username": "alice"}
    assert record.event["client_ip"] == "203.0.113.7"
    assert record.event["created"] == "2026-03-01T12:00:00.000Z"
    assert record.event["context"]["record"] == TRAIL_RECORD


@pytest.mark.parametrize("name", ["???", "\u30ed\u30b0\u30a4\u30f3", "_"])
def test_an_operation_without_a_word_ends_no_import(tmp_path, name):
    (record,) = read(written(tmp_path, "a.jsonl", lines(TRAIL_RECORD | {"eventName": name})))

    assert record.event["action"] == "signin"


def test_who_has_a_long_path_in_iam_is_known_by_another_key(tmp_path):
    """The API takes 256 characters, and refused the record."""
    arn = f"arn:aws:iam::123456789012:user/{'division/' * 30}alice"
    who = {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": arn, "userName": "a" * 300}

    (record,) = read(written(tmp_path, "a.jsonl", lines(TRAIL_RECORD | {"userIdentity": who})))

    assert record.event["user"] == {"username": "a" * 256, "pk": "AIDAEXAMPLE"}


def test_each_of_several_documents_of_cloudtrail_is_read(tmp_path):
    """The fault: `zcat` and `jq -c` make one a line of several files, and all but the first were passed over unsaid."""
    trails = [TRAIL_RECORD | {"eventID": TRAIL_RECORD["eventID"][:-1] + digit} for digit in "123"]
    documents = [{"Records": []}, {"Records": trails[:2]}, {"Records": [*trails[2:], "x"]}]

    records = read(written(tmp_path, "a.jsonl", lines(*documents) + "no JSON\n"))

    assert [record.event["context"]["record"] for record in records[:3]] == trails
    assert [record.wrong for record in records[3:]] == ["is no JSON object", records[4].wrong]
    assert [record.place.rpartition(":")[2] for record in records] == [
        "record 1",
        "record 2",
        "record 3",
        "record 4",
        "4",
    ]


def test_a_record_of_cloudtrail_is_the_same_event_however_it_was_delivered(tmp_path):
    looked_up = {"Events": [{"EventId": "x", "CloudTrailEvent": json.dumps(TRAIL_RECORD)}]}

    delivered = read(written(tmp_path, "a.json", json.dumps({"Records": [TRAIL_RECORD]})))
    by_lookup = read(written(tmp_path, "b.json", json.dumps(looked_up, indent=1)))
    by_line = read(written(tmp_path, "c.jsonl", lines(TRAIL_RECORD)), form=FileFormat.CLOUDTRAIL)

    assert delivered[0].event["id"] == by_lookup[0].event["id"] == by_line[0].event["id"]
