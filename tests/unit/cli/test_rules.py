"""`tocsin rules test`, as a person reads it."""

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

STEP = {
    "step": 1,
    "after": "minutes=15",
    "unless": "seen",
    "destination_group": "second",
    "transports": ["sms", "hook"],
    "recipients": {"usernames": ["bob", "eve"], "more": False},
    "reason": "escalated: step 1, nobody has seen it within 15 min",
}


def test_the_steps_that_would_come_stand_below_the_people_who_are_told(monkeypatch, capsys):
    monkeypatch.setenv("TOCSIN_KEY", "key")
    monkeypatch.setenv("COLUMNS", "200")
    recipients = {"usernames": ["ana"], "more": False}
    explained = {"rule": "disk-full", "fires": True, "tells": True, "recipients": recipients, "escalate": [STEP]}

    with serving(lambda _: Reply(200, explained)) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        code = main(["rules", "test", "disk-full", "disk_full", "-o", "table"])

    told = capsys.readouterr().out
    assert code == ExitCode.OK
    assert "tells 1 person" in told
    assert told.index("ana") < told.index("step 1, after minutes=15 unless seen: 2 people of second by sms, hook")


def test_why_the_events_user_is_not_told_is_said(monkeypatch, capsys):
    monkeypatch.setenv("TOCSIN_KEY", "key")
    recipients = {"usernames": [], "more": False, "event_user": "is not in the directory"}

    with serving(lambda _: Reply(200, {"rule": "r", "fires": True, "recipients": recipients})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        main(["rules", "test", "r", "--id", "e1", "-o", "table"])

    assert "the event's user hears nothing: is not in the directory" in capsys.readouterr().out


def test_why_it_can_not_be_told_whether_it_ends_anything_is_said(monkeypatch, capsys):
    monkeypatch.setenv("TOCSIN_KEY", "key")
    monkeypatch.setenv("COLUMNS", "200")
    explained = {"rule": "r", "fires": False, "ends": False, "ends_error": "has no key 'state'"}

    with serving(lambda _: Reply(200, explained)) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        main(["rules", "test", "r", "--id", "e1", "-o", "table"])

    assert "whether it ends what the rule told of can't be told: has no key 'state'" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["rules", "policies"])
def test_an_events_id_in_place_of_an_action_is_refused(monkeypatch, capsys, kind):
    """The fault: the rule was tried on an event whose action is that id, and did not fire."""
    monkeypatch.setenv("TOCSIN_KEY", "key")

    with serving(lambda _: Reply(200, {})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        code = main([kind, "test", "x", "01a22675-ad4c-75dd-903f-ebb11d308f40"])

    assert (code, site.asked) == (ExitCode.USAGE, [])
    assert "give it by --id" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["rules", "policies"])
@pytest.mark.parametrize("event", [["--id", "e1"], ["--file", "event.yaml"]], ids=" ".join)
@pytest.mark.parametrize("option", ["--user", "--app", "--client-ip"])
def test_what_a_described_event_has_is_refused_beside_another(monkeypatch, capsys, kind, event, option):
    """The fault: it was passed over, and the rule tried on an event that does not have it."""
    monkeypatch.setenv("TOCSIN_KEY", "key")

    with serving(lambda _: Reply(200, {})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        code = main([kind, "test", "x", *event, option, "alice"])

    assert (code, site.asked) == (ExitCode.USAGE, [])
    assert option in capsys.readouterr().err
