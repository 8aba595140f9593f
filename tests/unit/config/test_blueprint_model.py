"""The configuration as a document: how its text is read, and what its fields must be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.test_body import PLAIN_JSON, PLAIN_TEXT
from tocsin.config.blueprint import JSON_TYPE, YAML_TYPES, Blueprint, parse, to_yaml
from tocsin.errors import Invalid, MalformedBody, TocsinError, TooLarge
from tocsin.http.yaml_body import MAX_DOCUMENT, read_document
from tocsin.types import JsonObject

YAML = YAML_TYPES[0]

WHOLE: JsonObject = {
    "settings": {"event_retention": "days=90", "secret_keys": ["pin"]},
    "users": [{"username": "alice", "email": "alice@example.com", "locale": "de-AT"}],
    "groups": [{"name": "oncall", "members": ["alice"], "children": ["boss"]}, {"name": "boss"}],
    "transports": [
        {"name": "inbox", "mode": "local"},
        {"name": "hook", "mode": "webhook", "url": "https://example.com/hook", "send_once": True},
    ],
    "policies": [
        {"name": "is-login", "kind": "event_matcher", "action": "login", "client_ip": "10.0.0.0/8"},
        {"name": "big", "kind": "pattern", "pattern": {"context": {"amount": [{"numeric": [">", 1000]}]}}},
        {"name": "late", "kind": "expression", "expression": "event.app == 'shop'"},
    ],
    "rules": [
        {
            "name": "logins",
            "severity": "alert",
            "transports": ["inbox", "hook"],
            "destination_group": "oncall",
            "bindings": [{"policy": "is-login", "order": 1}, {"group": "boss", "negate": True}],
        }
    ],
    "silences": [
        {
            "name": "night",
            "matcher": {"app": "shop"},
            "starts": "2026-03-01T00:00:00Z",
            "ends": "2026-03-02T00:00:00Z",
        }
    ],
    "keys": [{"name": "shop", "scopes": ["events:write"], "events_per_minute": 600}],
}


def refused(text: str | bytes, content_type: str = YAML) -> TocsinError:
    with pytest.raises(TocsinError) as caught:
        parse(text.encode() if isinstance(text, str) else text, content_type)
    return caught.value


def wrong(document: JsonObject) -> dict[str, str]:
    """{path: message} of what is wrong with `document`; the same whether it comes as JSON or as YAML."""
    found = []
    for text, content_type in ((json.dumps(document), JSON_TYPE), (to_yaml(document), YAML)):
        error = refused(text, content_type)
        assert isinstance(error, Invalid)
        found.append({violation.path: violation.message for violation in error.violations})
    assert found[0] == found[1]
    return found[0]


# ── reading ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content_type", YAML_TYPES)
def test_yaml_and_json_are_the_same_blueprint(content_type: str) -> None:
    assert parse(to_yaml(WHOLE).encode(), content_type) == parse(json.dumps(WHOLE).encode(), JSON_TYPE)


def test_an_empty_object_is_a_blueprint_of_nothing() -> None:
    assert parse(b"{}", JSON_TYPE) == Blueprint()


def test_what_is_shown_is_read_back_as_the_same() -> None:
    blueprint = parse(json.dumps(WHOLE).encode(), JSON_TYPE)

    assert parse(to_yaml(blueprint.to_json()).encode(), YAML) == blueprint
    assert parse(json.dumps(blueprint.to_json()).encode(), JSON_TYPE) == blueprint


@given(st.dictionaries(PLAIN_TEXT, PLAIN_JSON, max_size=5))
def test_any_document_written_as_yaml_is_read_back_as_it_was(document: JsonObject) -> None:
    assert read_document(to_yaml(document).encode(), YAML) == document


@pytest.mark.parametrize("text", ["-.0", "-.5e3", ".5", "1e5", "-1.", "0.", "-0", "1_000", "-.inf"])
def test_a_text_that_reads_like_a_number_is_written_in_quotes(text: str) -> None:
    assert read_document(to_yaml({text: text}).encode(), YAML) == {text: text}


def test_a_time_in_yaml_is_text_with_or_without_quotes() -> None:
    assert read_document(b"a: 2026-03-01T12:00:00Z\nb: '2026-03-01'\nc: 2026-03-01", YAML) == {
        "a": "2026-03-01T12:00:00Z",
        "b": "2026-03-01",
        "c": "2026-03-01",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x 1\nb: *x", "anchors are not taken at line 1"),
        ("a: &x 1", "anchors are not taken"),
        ("a: &x [*x]", "anchors are not taken"),
        ("users: []\nusers: []", "the key 'users' stands twice at line 2, column 1"),
        ("a: {b: 1, b: 2}", "the key 'b' stands twice"),
        ("? [a]\n: b", "a key is no plain value"),
        ("<<: {a: 1}", "not YAML that is taken"),
        ("!!python/object/apply:os.system [ls]", "tags are not taken"),
        ("a: !!binary aGk=", "tags are not taken"),
        ("a: !!timestamp x", "tags are not taken"),
        ("a: !!bool maybe", "tags are not taken"),
        ("a: !!set {x}", "tags are not taken"),
        ("a: 1\n b: 2", "not YAML"),
        ("a: [", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ('a: "\\ud800"', "not YAML"),
        ("a: " + "9" * 5_000, "not YAML"),
        ("a\0b", "not YAML"),
        (b"a: \xff", "not UTF-8"),
    ],
)
def test_yaml_that_hides_what_it_says_is_malformed(text: str, complaint: str) -> None:
    error = refused(text)

    assert isinstance(error, MalformedBody)
    assert complaint in error.detail


def test_a_complaint_about_a_key_does_not_show_what_stands_in_it() -> None:
    assert "hunter2" not in refused("? {password: hunter2}\n: b").detail


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
    )

    assert "anchors are not taken at line 1" in refused(bomb).detail


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_yaml_that_nests_100_000_deep_is_refused_as_such(opening: str) -> None:
    error = refused(opening * 100_000)

    assert isinstance(error, Invalid)
    assert "nests too deeply" in error.detail


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"a": NaN}', "not JSON"),
        ('{"users": [], "users": []}', "the key 'users' stands twice"),
        ('{"a": [{"b": 1, "b": 2}]}', "the key 'b' stands twice"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_json_that_hides_what_it_says_is_malformed(text: str, complaint: str) -> None:
    error = refused(text, JSON_TYPE)

    assert isinstance(error, MalformedBody)
    assert complaint in error.detail


@pytest.mark.parametrize("content_type", [JSON_TYPE, YAML])
@pytest.mark.parametrize("text", ["[]", "5", "null", '"x"', "[" * 2_000 + "]" * 2_000])
def test_what_is_no_object_is_no_blueprint(text: str, content_type: str) -> None:
    assert isinstance(refused(text, content_type), Invalid)


@pytest.mark.parametrize(
    ("text", "content_type", "path"),
    [
        ('{"rules": [{"n": ' + "9" * 400 + "}]}", JSON_TYPE, "rules[0].n"),
        ('{"a": 1e999}', JSON_TYPE, "a"),
        ('{"a": "\\u0000"}', JSON_TYPE, "a"),
        ('{"a": "\\ud800"}', JSON_TYPE, "a"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", JSON_TYPE, "a" + "[0]" * 63),
        ("a: [" + "9" * 400 + "]", YAML, "a[0]"),
        ("a: 0x1ffffffffffffffff", YAML, "a"),
        ("a: .nan", YAML, "a"),
        ("a: -.inf", YAML, "a"),
        ('a: "\\0"', YAML, "a"),
        ("1: b", YAML, "1"),
        ("? \n: b", YAML, "None"),
    ],
)
def test_a_value_that_could_not_be_stored_is_named(text: str, content_type: str, path: str) -> None:
    error = refused(text, content_type)

    assert isinstance(error, Invalid)
    assert [violation.path for violation in error.violations] == [path]


@pytest.mark.parametrize("content_type", [JSON_TYPE, YAML])
def test_a_blueprint_of_too_many_bytes_is_too_large(content_type: str) -> None:
    assert isinstance(refused(b" " * (MAX_DOCUMENT + 1), content_type), TooLarge)


_YAML_LIKE = st.lists(st.sampled_from([*"abc:-[]{},&*!?|>%@'\"#\n \t0.", "\n  ", "- ", ": ", "!!", "---\n", "é"])).map(
    "".join
)


@given(_YAML_LIKE | st.text())
def test_any_text_is_a_document_or_an_error_of_ours(text: str) -> None:
    for content_type in (JSON_TYPE, YAML):
        try:
            parse(text.encode("utf-8", "surrogatepass"), content_type)
        except TocsinError as error:
            assert 400 <= error.status < 500


# ── fields ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"colour": 1}, "colour"),
        ({"settings": {"event_retention": "days=x"}}, "settings.event_retention"),
        ({"settings": {"brand": "x" * 101}}, "settings.brand"),
        ({"users": {}}, "users"),
        ({"users": [{}]}, "users[0].username"),
        ({"users": [{"username": "ä?"}]}, "users[0].username"),
        ({"users": [{"username": "a\u200bb"}]}, "users[0].username"),
        ({"users": [{"username": "a\n"}]}, "users[0].username"),
        ({"users": [{"username": "a", "locale": "x"}]}, "users[0].locale"),
        ({"groups": [{"name": "a", "members": [1]}]}, "groups[0].members[0]"),
        ({"transports": [{"name": "a", "mode": "fax"}]}, "transports[0].mode"),
        ({"transports": [{"name": "a", "mode": "local", "colour": 1}]}, "transports[0].colour"),
        (
            {"transports": [{"name": "a", "mode": "email", "subject_prefix": "a\r\nBcc: b"}]},
            "transports[0].subject_prefix",
        ),
        ({"policies": [{"name": "a"}]}, "policies[0]"),
        ({"policies": [{"name": "a", "kind": "script"}]}, "policies[0]"),
        ({"policies": [{"name": "a", "kind": "event_matcher"}]}, "policies[0]"),
        ({"policies": [{"name": "a", "kind": "event_matcher", "action": ""}]}, "policies[0].action"),
        ({"policies": [{"name": "a", "kind": "event_matcher", "client_ip": "1.2.3.4/8"}]}, "policies[0].client_ip"),
        ({"policies": [{"name": "a", "kind": "event_matcher", "app": "x", "pattern": {}}]}, "policies[0].pattern"),
        ({"policies": [{"name": "a", "kind": "pattern"}]}, "policies[0].pattern"),
        ({"policies": [{"name": "a", "kind": "pattern", "pattern": []}]}, "policies[0].pattern"),
        ({"policies": [{"name": "a", "kind": "expression", "expression": ""}]}, "policies[0].expression"),
        ({"rules": [{"name": "a", "severity": "loud"}]}, "rules[0].severity"),
        ({"rules": [{"name": "a", "transports": ["b", "b"]}]}, "rules[0].transports"),
        ({"rules": [{"name": "a", "bindings": [{}]}]}, "rules[0].bindings[0]"),
        ({"rules": [{"name": "a", "bindings": [{"user": "a", "group": "b"}]}]}, "rules[0].bindings[0]"),
        ({"rules": [{"name": "a", "bindings": [{"user": "a", "order": "x"}]}]}, "rules[0].bindings[0].order"),
        ({"keys": [{"name": "a"}]}, "keys[0].scopes"),
        ({"keys": [{"name": "a", "scopes": []}]}, "keys[0].scopes"),
        ({"keys": [{"name": "a", "scopes": ["events:write", "root"]}]}, "keys[0].scopes[1]"),
        ({"keys": [{"name": "a", "scopes": ["events:write"], "events_per_minute": 0}]}, "keys[0].events_per_minute"),
        ({"keys": [{"name": "a", "scopes": ["events:write"], "secret": "x"}]}, "keys[0].secret"),
    ],
)
def test_a_wrong_field_is_named(document: JsonObject, path: str) -> None:
    assert set(wrong(document)) == {path}


def test_a_wrong_secret_is_not_repeated() -> None:
    document: JsonObject = {"transports": [{"name": "a", "mode": "webhook", "secret": "hunter2" * 100}]}

    assert "hunter2" not in str(wrong(document))
