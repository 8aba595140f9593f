"""One readable sentence about an event, whatever its context holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.test_body import PLAIN_JSON, PLAIN_TEXT
from tocsin.events.model import EventAction
from tocsin.events.redact import MASK
from tocsin.events.summary import MAX_SUMMARY, in_brief, summarize
from tocsin.types import Json, JsonObject

ALICE: JsonObject = {"username": "alice", "pk": 7, "email": "alice@example.com"}

SENTENCES: dict[str, tuple[JsonObject, str]] = {
    "login": ({"auth_method": "password"}, "alice logged in with password from 10.0.0.1"),
    "login_failed": ({"reason": "wrong password"}, "alice failed to log in from 10.0.0.1: wrong password"),
    "logout": ({}, "alice logged out from 10.0.0.1"),
    "user_write": ({"username": "bob"}, "alice wrote user bob"),
    "suspicious_request": ({"reason": "bad path"}, "suspicious request by alice from 10.0.0.1: bad path"),
    "password_set": ({}, "alice set a new password from 10.0.0.1"),
    "secret_view": ({"secret": {"name": "vpn"}}, "alice viewed the secret of vpn"),
    "secret_rotate": ({"secret": {"name": "vpn"}}, "alice rotated the secret of vpn"),
    "invitation_used": ({"invitation": {"name": "welcome"}}, "alice used the invitation named welcome"),
    "authorize_application": ({"authorized_application": {"name": "Wiki"}}, "alice authorized Wiki from 10.0.0.1"),
    "source_linked": ({"source": {"name": "GitHub"}}, "alice linked the source GitHub"),
    "impersonation_started": ({"to": {"username": "bob"}}, "alice began to act as bob"),
    "impersonation_ended": ({"to": {"username": "bob"}}, "alice stopped acting as bob"),
    "flow_execution": ({"flow": {"name": "enrolment"}}, "alice ran the flow enrolment"),
    "policy_execution": ({"policy": {"name": "geo"}}, "policy geo was run for alice"),
    "policy_exception": ({"policy": "geo", "error": "no such key"}, "policy geo failed: no such key"),
    "property_mapping_exception": ({"mapping": "groups", "error": "x"}, "mapping groups failed: x"),
    "system_task_execution": ({"task": "clean-up"}, "task clean-up was run"),
    "system_task_exception": ({"task": "clean-up", "error": "x"}, "task clean-up failed: x"),
    "system_exception": ({"error": "disk full"}, "an internal error happened: disk full"),
    "configuration_error": ({"error": "no such host"}, "the configuration is wrong: no such host"),
    "configuration_warning": ({"reason": "old option"}, "the configuration wants a look: old option"),
    "model_created": ({"model": {"model_name": "customer", "name": "Example"}}, "alice created customer Example"),
    "model_updated": ({"model": {"model_name": "order", "pk": 5}}, "alice changed order 5"),
    "model_deleted": ({"model": {"model_name": "order"}}, "alice deleted an order"),
    "email_sent": ({"to_email": "bob@example.com", "subject": "Hi"}, "e-mail was sent to bob@example.com: Hi"),
    "update_available": ({"new_version": "2.0"}, "version 2.0 is available"),
    "export_ready": ({"export": {"name": "march.csv"}}, "the export march.csv is ready"),
    "notification_acknowledged": ({"rule": "refunds"}, "alice acknowledged what rule refunds told of"),
    "review_initiated": ({"object": {"name": "admins"}}, "a review of admins began"),
    "review_overdue": ({"object": {"name": "admins"}}, "the review of admins is overdue"),
    "review_attested": ({"object": {"name": "admins"}}, "alice attested admins"),
    "review_completed": ({"object": {"name": "admins"}}, "the review of admins is complete"),
}


def about(action: str, context: JsonObject, user: JsonObject | None = None, client_ip: str | None = None) -> str:
    return summarize(action, ALICE if user is None else user, client_ip, context)


def test_each_known_action_has_a_sentence() -> None:
    assert SENTENCES.keys() == set(EventAction)


@pytest.mark.parametrize("action", SENTENCES)
def test_a_known_action_is_told_in_a_sentence(action: str) -> None:
    context, sentence = SENTENCES[action]

    assert about(action, context, client_ip="10.0.0.1") == sentence


@pytest.mark.parametrize("action", SENTENCES)
def test_a_known_action_without_any_context_is_a_sentence_too(action: str) -> None:
    sentence = about(action, {}, user={})

    assert " " in sentence
    assert not sentence.startswith(f"{action}:")
    assert "None" not in sentence
    assert "  " not in sentence


@pytest.mark.parametrize("message", [" Alice\n came\tin ", "x" * 50_000, "a  b", "{}"])
def test_a_message_speaks_for_itself_as_it_is(message: str) -> None:
    """It was cut after 500 characters, and its blanks were made one."""
    assert about("login", {"message": message}) == message


@pytest.mark.parametrize(("message", "said"), [(5, "5"), (1.5, "1.5"), (0, "0"), (True, "true")])
def test_a_message_may_be_a_number(message: Json, said: str) -> None:
    assert about("logout", {"message": message}) == said


@pytest.mark.parametrize("message", ["", "  ", "\n", None, {"text": "x"}, {"name": "x"}, ["x"]])
def test_what_is_no_message_does_not_speak(message: Json) -> None:
    assert about("logout", {"message": message}) == "alice logged out"


@pytest.mark.parametrize(
    ("summary", "brief"),
    [
        ("Alice came in", "Alice came in"),
        (" Alice\n came\tin ", "Alice came in"),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 499 + "…"),
        ("x" * 400_000, "x" * 499 + "…"),
        ("x y" * 200, ("x y" * 200)[:499] + "…"),
    ],
)
def test_a_summary_in_brief_is_one_line_of_500_characters(summary: str, brief: str) -> None:
    assert in_brief(summary) == brief


def test_another_action_is_told_by_its_context() -> None:
    context: JsonObject = {
        "version": "1.4",
        "ok": True,
        "seconds": 48.5,
        "http_request": {},
        "hosts": ["a"],
        "by": {"name": "ci"},
    }

    assert about("custom_deploy", context) == "custom_deploy: version=1.4, ok=true, seconds=48.5, by=ci"


def test_another_action_without_context_is_told_by_its_name() -> None:
    assert about("custom_deploy", {}) == "custom_deploy"


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"email": "a@example.com"}, "a@example.com"),
        ({"pk": 7}, "7"),
        ({"is_anonymous": True}, "An anonymous user"),
        ({"username": "AnonymousUser", "is_anonymous": True}, "An anonymous user"),
        ({"username": "alice", "is_anonymous": False}, "alice"),
        ({"username": "someone-else"}, "someone-else"),
        ({"username": "someone"}, "someone"),
        ({}, "Someone"),
        ({"username": {"x": 1}}, "Someone"),
        ({"username": "alice", "on_behalf_of": {"username": "bob"}}, "alice (on behalf of bob)"),
        ({"username": "alice", "on_behalf_of": "bob"}, "alice"),
    ],
)
def test_a_person_is_named_as_well_as_can_be(user: JsonObject, name: str) -> None:
    assert about("logout", {}, user=user) == f"{name} logged out"


def test_an_anonymous_user_is_none_of_the_name_that_stands_for_nobody() -> None:
    nobody: JsonObject = {"username": "AnonymousUser", "is_anonymous": True}

    assert about("login_failed", {}, nobody, "10.0.0.1") == "An anonymous user failed to log in from 10.0.0.1"
    assert about("suspicious_request", {}, nobody) == "suspicious request by an anonymous user"
    assert about("policy_execution", {"policy": "geo"}, {}) == "policy geo was run for someone"


ADMIN: JsonObject = {"username": "seed-admin", "on_behalf_of": {"username": "seed-bob", "pk": 3}}


@pytest.mark.parametrize(
    ("action", "context", "user", "said"),
    [
        ("impersonation_started", {}, ADMIN, "seed-admin began to act as seed-bob"),
        ("impersonation_ended", {}, ADMIN, "seed-admin stopped acting as seed-bob"),
        ("impersonation_started", {"reason": "a call"}, ADMIN, "seed-admin began to act as seed-bob: a call"),
        ("impersonation_started", {"to": "eve"}, ADMIN, "seed-admin (on behalf of seed-bob) began to act as eve"),
        ("impersonation_started", {"target": {"name": "eve"}}, ALICE, "alice began to act as eve"),
        ("impersonation_ended", {"reason": "done"}, ALICE, "alice stopped acting as another user: done"),
    ],
)
def test_an_impersonation_tells_who_acts_as_whom_and_why(
    action: str, context: JsonObject, user: JsonObject, said: str
) -> None:
    """The user that it began with was told as one on whose behalf it was, and the reason not at all."""
    assert about(action, context, user) == said


def test_a_masked_secret_is_no_name_of_anything() -> None:
    assert about("secret_view", {"secret": MASK, "name": "vpn"}) == "alice viewed the secret of vpn"
    assert about("secret_view", {"secret": MASK}) == "alice viewed the secret of an object"
    assert about("secret_rotate", {"token": {"name": "ci", "pk": 5}}) == "alice rotated the secret of ci"


def test_a_key_with_a_line_break_stays_in_its_line() -> None:
    assert about("custom_x", {"a\nb\u2028c": "1\n2"}) == "custom_x: a b c=1 2"


def test_a_long_context_is_cut_with_a_mark() -> None:
    summary = about("custom_x", {f"key{i}": "x" * 50 for i in range(100)})

    assert len(summary) <= MAX_SUMMARY
    assert summary.endswith("…")


_SPOKEN_KEYS = sorted({key for context, _ in SENTENCES.values() for key in context} | {"name", "error", "target"})
_CONTAINERS = st.lists(st.just("inner"), min_size=1) | st.dictionaries(
    st.sampled_from(["name", "pk", "username", "x"]), st.just(["inner"]) | st.just({"inner": 1}), min_size=1
)


@given(
    action=st.sampled_from([*EventAction, "custom_x"]),
    context=st.dictionaries(st.sampled_from(_SPOKEN_KEYS) | PLAIN_TEXT, PLAIN_JSON | st.text(max_size=900), max_size=6),
    user=st.dictionaries(st.sampled_from(["username", "pk", "email", "on_behalf_of", "is_anonymous"]), PLAIN_JSON),
    client_ip=st.none() | st.just("2001:db8::1"),
)
def test_a_summary_is_one_bounded_line(
    action: str, context: JsonObject, user: JsonObject, client_ip: str | None
) -> None:
    context.pop("message", None)  # which is told as it is

    summary = summarize(action, user, client_ip, context)

    assert summary.strip() == summary != ""
    assert len(summary.splitlines()) == 1
    assert len(summary) <= MAX_SUMMARY


@given(
    action=st.sampled_from([*EventAction, "custom_x"]),
    context=st.dictionaries(st.sampled_from(_SPOKEN_KEYS), _CONTAINERS, max_size=6),
    user=st.dictionaries(st.sampled_from(["username", "pk", "email", "on_behalf_of"]), _CONTAINERS),
)
def test_a_summary_never_shows_raw_json(action: str, context: JsonObject, user: JsonObject) -> None:
    summary = summarize(action, user, None, context)

    assert "inner" not in summary
    assert not set(summary) & set("{}[]'\"")


@pytest.mark.parametrize("model", [{}, {"app": "shop"}, {"model_name": "", "name": ""}, [], None])
def test_a_model_that_says_nothing_of_itself_is_an_object(model: Json) -> None:
    assert about("model_updated", {"model": model}) == "alice changed an object"
