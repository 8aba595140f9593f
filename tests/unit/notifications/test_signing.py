"""Signatures that receivers can verify, and secrets that never show."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.loaded_modules import loaded_by
from tocsin.notifications.signing import InvalidSecretError, check_secret, headers, new_secret, sign

# The example that the Standard Webhooks libraries share.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = '{"test": 2432232314}'
MOMENT = 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

OTHER = "whsec_" + base64.b64encode(b"another secret of 33 bytes, well.").decode()
NEVER_SEEN = "hunter2hunter2"

event_bodies = st.dictionaries(st.text(), st.text() | st.integers() | st.none()).map(json.dumps)
secrets_given = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_signature_is_the_one_of_the_specifications_libraries() -> None:
    assert sign(SECRET, MESSAGE, MOMENT, BODY) == SIGNATURE


@pytest.mark.parametrize(
    "moment",
    [
        datetime.fromtimestamp(MOMENT, UTC),
        datetime.fromtimestamp(MOMENT + 0.999, UTC),
        datetime.fromtimestamp(MOMENT, timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_a_datetime_is_signed_as_its_whole_seconds_in_utc(moment: datetime) -> None:
    assert sign(SECRET, MESSAGE, moment, BODY) == SIGNATURE


def test_bytes_are_signed_as_the_text_that_they_hold() -> None:
    assert sign(SECRET, MESSAGE, MOMENT, '{"a": "ü"}'.encode()) == sign(SECRET, MESSAGE, MOMENT, '{"a": "ü"}')


@given(secret=secrets_given, body=event_bodies)
def test_an_independent_verifier_takes_the_headers(secret: str, body: str) -> None:
    made = headers([secret], MESSAGE, now(), body.encode())

    assert Webhook(secret).verify(body.encode(), made) == json.loads(body)


def test_while_a_secret_is_replaced_both_the_new_and_the_old_one_verify() -> None:
    made = headers([OTHER, SECRET], MESSAGE, now(), BODY)

    assert Webhook(OTHER).verify(BODY, made) == Webhook(SECRET).verify(BODY, made) == json.loads(BODY)
    assert [part[:3] for part in made["webhook-signature"].split(" ")] == ["v1,", "v1,"]


def test_the_new_secrets_signature_stands_first() -> None:
    made = headers([OTHER, SECRET], MESSAGE, MOMENT, BODY)

    assert made["webhook-signature"] == f"{sign(OTHER, MESSAGE, MOMENT, BODY)} {SIGNATURE}"


def test_the_headers_hold_the_id_and_the_time_that_were_signed() -> None:
    made = headers([SECRET], MESSAGE, datetime.fromtimestamp(MOMENT + 0.5, UTC), BODY)

    assert made == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(MOMENT),
        "webhook-signature": SIGNATURE,
    }


def test_once_replaced_the_old_secret_verifies_nothing() -> None:
    made = headers([OTHER], MESSAGE, now(), BODY)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, made)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_a_changed_header_does_not_verify(changed: str) -> None:
    made = headers([SECRET], MESSAGE, now(), BODY)
    made[changed] = str(now() + 1) if changed == "webhook-timestamp" else "msg_other"

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, made)


def test_a_message_without_a_secret_is_not_signed() -> None:
    with pytest.raises(ValueError, match="without a secret"):
        headers([], MESSAGE, MOMENT, BODY)


@pytest.mark.parametrize("message_id", ["", "msg 1", "msg_1\r\nHost: x", "msg.1614265330", "nachricht_ü", "a\x7f"])
def test_an_id_that_could_blur_what_was_signed_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign(SECRET, message_id, MOMENT, BODY)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sign(SECRET, MESSAGE, datetime(2021, 2, 25, 15, 2, 10), BODY)


def test_a_time_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="1970"):
        sign(SECRET, MESSAGE, -1, BODY)


def test_a_body_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        sign(SECRET, MESSAGE, MOMENT, b"\xff")


def test_a_new_secret_is_well_formed_and_new() -> None:
    secret = new_secret()

    assert check_secret(secret) == secret
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret != new_secret()


@given(secrets_given)
def test_a_secret_of_24_to_64_bytes_is_taken(secret: str) -> None:
    assert check_secret(secret) == secret


@given(secrets_given)
def test_a_secret_without_padding_or_with_blanks_around_it_is_put_in_order(secret: str) -> None:
    assert check_secret(f" {secret.rstrip('=')}\n") == secret


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "begin with whsec_"),
        (NEVER_SEEN * 3, "begin with whsec_"),
        ("WHSEC_" + NEVER_SEEN * 3, "begin with whsec_"),
        ("whsk_" + NEVER_SEEN * 3, "begin with whsec_"),
        ("whsec_", "24 to 64 bytes"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "24 to 64 bytes, not 23"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "24 to 64 bytes, not 65"),
        ("whsec_" + NEVER_SEEN + "!" * 30, "base64"),
        ("whsec_" + NEVER_SEEN + " " + NEVER_SEEN * 3, "base64"),
        ("whsec_" + NEVER_SEEN + "-_" * 15, "base64"),
        ("whsec_" + NEVER_SEEN + "ü" * 30, "base64"),
        ("whsec_" + NEVER_SEEN * 3 + "=a", "base64"),
        ("whsec_" + "a" * 41, "base64"),
    ],
)
def test_a_secret_that_is_not_well_formed_is_refused_without_being_shown(secret: str, why: str) -> None:
    with pytest.raises(InvalidSecretError, match=why) as refused:
        check_secret(secret)

    chain = f"{refused.value!r} {refused.value.__cause__!r}"
    assert NEVER_SEEN not in chain
    assert refused.value.__cause__ is None


def test_signing_with_a_malformed_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidSecretError) as refused:
        sign("whsec_" + NEVER_SEEN, MESSAGE, MOMENT, BODY)

    assert NEVER_SEEN not in str(refused.value)


def test_signing_loads_no_http_library() -> None:
    libraries = {"httpx", "requests", "urllib3", "attr", "deprecated"}

    loaded = loaded_by("import tocsin.notifications.signing")

    assert not libraries & loaded
