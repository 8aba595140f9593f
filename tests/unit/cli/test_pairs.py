"""`key=value` arguments."""

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode, UsageError
from tocsin_cli.main import main
from tocsin_cli.pairs import parse_pairs, with_pairs


def test_values_are_text_unless_said_to_be_json():
    assert parse_pairs(["reason=bad password", "attempts:=3", "tags:=[1, 2]", "empty="]) == {
        "reason": "bad password",
        "attempts": 3,
        "tags": [1, 2],
        "empty": "",
    }


def test_dots_go_into_objects():
    assert parse_pairs(["model.app=shop", "model.pk:=7", "a=b=c"]) == {"model": {"app": "shop", "pk": 7}, "a": "b=c"}


def test_fields_of_entries_are_json_where_they_look_like_it():
    assert parse_pairs(["enabled=false", "name=on", "max=3"], values=True) == {"enabled": False, "name": "on", "max": 3}


@pytest.mark.parametrize("pair", ["reason", "=x", ":=1", "n:=x"])
def test_what_is_no_pair_is_refused_as_it_was_written(pair):
    with pytest.raises(UsageError, match=pair):
        parse_pairs([pair])


@pytest.mark.parametrize("pairs", [["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=2", "a=1"]])
def test_a_key_is_given_once_and_as_one_thing(pairs):
    with pytest.raises(UsageError):
        parse_pairs(pairs)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "[" * 100_000])
def test_a_number_that_json_does_not_have_is_refused_by_its_field_and_text_elsewhere(value):
    with pytest.raises(UsageError, match=r"'n:=.*is no JSON"):
        parse_pairs([f"n:={value}"])

    assert parse_pairs([f"name={value}"], values=True) == {"name": value}


def test_a_message_that_is_given_twice_is_refused(monkeypatch, capsys):
    """The fault: the one of the context was dropped."""
    monkeypatch.setenv("TOCSIN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOCSIN_KEY", "key")

    assert main(["send", "login", "message=one", "--message", "another"]) == ExitCode.USAGE

    assert "message is given twice" in capsys.readouterr().err


RULE = {"group": {"by": ["app"], "wait": "minutes=1"}, "throttle": None, "severity": "alert"}


@pytest.mark.parametrize(
    ("pairs", "changed"),
    [
        (["group.wait=minutes=2"], {"group": {"by": ["app"], "wait": "minutes=2"}}),
        (["throttle.max=3", "throttle.window=hours=1"], {"throttle": {"max": 3, "window": "hours=1"}}),
        (['group:={"wait": "minutes=2"}'], {"group": {"wait": "minutes=2"}}),
        (["group=null", "severity=notice"], {"group": None, "severity": "notice"}),
    ],
)
def test_a_member_of_a_field_is_changed_and_those_beside_it_stay(pairs, changed):
    """The fault: an object was replaced by the member that was named."""
    assert with_pairs(RULE, pairs) == RULE | changed
    assert RULE["group"]["wait"] == "minutes=1"


@pytest.mark.parametrize("pairs", [["group.wait=1", "group=2"], ["a=1", "a=2"]])
def test_a_field_is_changed_once(pairs):
    with pytest.raises(UsageError):
        with_pairs(RULE, pairs)


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (["policies", "set", "typed", "pattern.context.flag:=[true]"], {"pattern": {"context": {"flag": [True]}}}),
        (["policies", "set", "typed", "pattern.app:=[]"], {"pattern": {"context": {"flag": [1]}, "app": []}}),
        (["settings", "set", "pattern.app:=[]"], {"pattern": {"context": {"flag": [1]}, "app": []}}),
        (["preferences", "set", "pattern.app:=[]"], {"pattern": {"context": {"flag": [1]}, "app": []}}),
    ],
)  # fmt: skip
def test_what_is_set_is_sent_as_it_was_typed(monkeypatch, words, after):
    """The fault: true in place of 1 was no change, and a member in place of others dropped these."""
    before = {"name": "typed", "pattern": {"context": {"flag": [1]}}}
    monkeypatch.setenv("TOCSIN_KEY", "key")

    with serving(lambda asked: Reply(200, asked.json if asked.method == "PUT" else before)) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        code = main(words)

    assert code == ExitCode.OK
    assert [repr(asked.json) for asked in site.asked if asked.method == "PUT"] == [repr(before | after)]
