"""The issuer's keys: found, fetched when they must be and not more often, and lived without for a while."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.token_issuer import DISCOVERY, KEYS, LOCAL, Issuer, issuing, public_jwk, signing_key
from tocsin.aws.logging import Code
from tocsin.errors import Unavailable
from tocsin.identity.tokens import issuer as module
from tocsin.identity.tokens.issuer import UnknownKey
from tocsin.identity.tokens.jwks import MAX_KEYS, KeySet
from tocsin.outbound import OutboundPolicy
from tocsin.outbound.client import Timeout


@dataclass
class World:
    """An issuer, what reads its keys, and the time that goes by for it."""

    issuer: Issuer
    now: float = 1_000.0
    patience: float = 5.0
    keys: module.Issuer = field(init=False)

    def __post_init__(self) -> None:
        self.keys = module.Issuer(
            self.issuer.url, LOCAL, timeout=Timeout(self.patience, self.patience), clock=lambda: self.now
        )

    def ask(self, kid: str | None = "RS256-1", algorithm: str = "RS256") -> str:
        """What comes of asking for a key."""
        try:
            self.keys.key(algorithm, kid)
        except UnknownKey:
            return "unknown"
        except Unavailable:
            return "unavailable"
        return "found"


@pytest.fixture
def world() -> Iterator[World]:
    with issuing() as issuer:
        yield World(issuer)


def logged(caplog: pytest.LogCaptureFixture, code: Code) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "code", None) == code]


def test_keys_are_found_by_the_discovery_document_and_fetched_once(world: World) -> None:
    asked = [world.ask(f"{algorithm}-1", algorithm) for algorithm in ("RS256", "ES256", "EdDSA") * 3]

    assert asked == ["found"] * 9
    assert world.issuer.asked == [DISCOVERY, KEYS]
    assert world.issuer.accepted == ["application/json"] * 2


def test_keys_are_fetched_anew_when_they_are_no_longer_fresh(world: World) -> None:
    world.ask()

    world.now += module.FRESH_SECONDS
    assert (world.ask(), world.issuer.fetches()) == ("found", 1)
    world.now += 1
    assert (world.ask(), world.issuer.fetches()) == ("found", 2)


def test_a_key_that_the_issuer_withdrew_is_forgotten(world: World) -> None:
    world.ask()
    del world.issuer.keys["RS256-1"]

    world.now += module.FRESH_SECONDS + 1

    assert world.ask() == "unknown"


def test_a_new_key_is_fetched_when_it_is_asked_for(world: World) -> None:
    world.ask()
    world.issuer.keys["RS256-2"] = ("RS256", signing_key("RS256", 1))

    world.now += module.REFRESH_SECONDS + 1

    assert (world.ask("RS256-2"), world.ask("RS256-1")) == ("found", "found")


def test_keys_of_the_future_are_fetched_anew(world: World) -> None:
    """The fault: where the clock was set back, nothing was fetched until it had come to where it was."""
    world.now += 86_400
    world.ask()
    world.issuer.keys["RS256-2"] = ("RS256", signing_key("RS256", 1))
    del world.issuer.keys["RS256-1"]

    world.now -= 86_400

    assert (world.ask("RS256-2"), world.ask("RS256-1")) == ("found", "unknown")
    assert world.issuer.fetches() == 2


def test_unknown_keys_cause_one_fetch_in_an_interval_however_many_there_are(world: World) -> None:
    world.ask()
    world.now += module.REFRESH_SECONDS

    asked = {world.ask(f"guessed-{number}") for number in range(50)}

    assert asked == {"unknown"}
    assert world.issuer.fetches() == 2


@pytest.mark.parametrize("later", [0.0, module.RETRY_SECONDS, module.REFRESH_SECONDS - 1])
def test_no_fetch_is_made_for_an_unknown_key_soon_after_another(world: World, later: float) -> None:
    world.ask()

    world.now += later

    assert world.ask("guessed") == "unknown"
    assert world.issuer.fetches() == 1


def test_the_last_good_keys_are_used_while_the_issuer_is_down(world: World) -> None:
    world.ask()
    world.issuer.stop()

    world.now += module.LAST_GOOD_SECONDS

    assert world.ask() == "found"


def test_the_last_good_keys_are_not_used_for_ever(world: World) -> None:
    world.ask()
    world.issuer.stop()

    world.now += module.LAST_GOOD_SECONDS + 1

    with pytest.raises(Unavailable, match="keys of the token issuer can't be read") as refused:
        world.keys.key("RS256", "RS256-1")
    assert refused.value.retry_after == module.RETRY_SECONDS


def test_a_key_that_can_not_be_looked_for_is_not_called_unknown(world: World) -> None:
    world.ask()
    world.issuer.stop()

    world.now += module.REFRESH_SECONDS + 1

    assert world.ask("RS256-2") == "unavailable"


def test_an_issuer_that_is_down_is_not_asked_again_at_once_and_is_after_a_moment(world: World) -> None:
    world.issuer.answers[DISCOVERY] = 500
    asked = [world.ask() for _ in range(20)]
    world.issuer.answers.clear()

    world.now += module.RETRY_SECONDS

    assert set(asked) == {"unavailable"}
    assert world.ask() == "found"
    assert world.issuer.asked == [DISCOVERY, DISCOVERY, KEYS]


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        (DISCOVERY, 404, "answered with status 404"),
        (DISCOVERY, 302, "answered with status 302"),
        (DISCOVERY, 5.0, "did not answer within"),
        (DISCOVERY, b"<html>", "is not JSON"),
        (DISCOVERY, b"[]", "is not a JSON object"),
        (DISCOVERY, b"[" * 100_000, "is not JSON"),
        (DISCOVERY, b'{"issuer": "https://evil.example.com"}', "another issuer's"),
        (DISCOVERY, b" " * (module.MAX_BYTES + 1), "more than 262,144 bytes"),
        (KEYS, 500, "answered with status 500"),
        (KEYS, 5.0, "did not answer within"),
        (KEYS, b"\xff\xfe", "is not JSON"),
        (KEYS, b'{"keys": []}', "has no key that tokens could be checked with"),
        (KEYS, b'{"keys": {"a": 1}}', "has no key that tokens could be checked with"),
        (KEYS, b" " * (module.MAX_BYTES + 1), "more than 262,144 bytes"),
    ],
)
def test_what_the_issuer_should_not_answer_is_logged_and_no_keys(
    world: World, path: str, answer: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(world.issuer, patience=0.2 if isinstance(answer, float) else 5.0)
    world.issuer.answers[path] = answer

    assert world.ask() == "unavailable"
    (line,) = logged(caplog, Code.ISSUER_KEYS_UNREAD)
    assert reason in line


def test_the_log_says_whose_keys_were_read_and_whose_could_not_be(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tocsin")
    world.ask()
    world.issuer.stop()
    world.now += module.FRESH_SECONDS + 1
    world.ask()

    lines = [(record.levelname, vars(record)) for record in caplog.records]
    assert [(level, said["code"], said["issuer"], said.get("keys")) for level, said in lines] == [
        ("INFO", "ISSUER_KEYS_READ", world.issuer.url, 3),
        ("ERROR", "ISSUER_KEYS_UNREAD", world.issuer.url, None),
    ]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("http://169.254.169.254/keys", "169.254.169.254"),
        ("file:///etc/passwd", "must begin with https://"),
        (5, "has no jwks_uri"),
        (None, "has no jwks_uri"),
    ],
)
def test_keys_are_fetched_from_nowhere_that_is_guarded(
    world: World, member: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    document = module.orjson.dumps({"issuer": world.issuer.url, "jwks_uri": member})
    world.issuer.answers[DISCOVERY] = document

    assert world.ask() == "unavailable"
    (line,) = logged(caplog, Code.ISSUER_KEYS_UNREAD)
    assert reason in line


def test_an_issuer_without_tls_is_not_asked_unless_that_is_allowed(world: World) -> None:
    world.keys = module.Issuer(world.issuer.url, OutboundPolicy(ports=None, allow_cidrs=LOCAL.allow_cidrs))

    assert world.ask() == "unavailable"
    assert world.issuer.asked == []


def test_bad_keys_do_not_replace_good_ones(world: World) -> None:
    world.ask()
    world.issuer.answers[KEYS] = b'{"keys": []}'

    world.now += module.FRESH_SECONDS + 1

    assert world.ask() == "found"


# ── key sets ─────────────────────────────────────────────────────────────────


def rsa_jwk(**members: Any) -> dict[str, Any]:
    return public_jwk("RS256", signing_key("RS256"), kid="1") | members


def small_rsa() -> dict[str, Any]:
    return public_jwk("RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024), kid="1")


def other_curve() -> dict[str, Any]:
    return public_jwk("ES256", ec.generate_private_key(ec.SECP384R1()), kid="1")


@pytest.mark.parametrize(
    "unusable",
    [
        lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "1"},
        lambda: rsa_jwk(use="enc"),
        lambda: rsa_jwk(alg="RS512"),
        lambda: rsa_jwk(key_ops=["encrypt"]),
        lambda: rsa_jwk(kid=5),
        lambda: rsa_jwk(n="!"),
        lambda: rsa_jwk(n=5),
        lambda: rsa_jwk(e=None),
        lambda: rsa_jwk(n="A" * 2_000),
        lambda: rsa_jwk(e="A" * 100),
        small_rsa,
        other_curve,
        lambda: {"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "1"},
        lambda: {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "1"},
        lambda: {},
        lambda: None,
        lambda: "key",
    ],
)
def test_an_unusable_key_is_passed_over_and_the_others_hold(unusable: Callable[[], Any]) -> None:
    good = public_jwk("EdDSA", signing_key("EdDSA"), kid="good")

    found = KeySet.parse({"keys": [unusable(), good]})

    assert set(found.keys) == {("EdDSA", "good")}


def large(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    ("bits", "exponent", "taken"), [(8192, 2**31 + 1, True), (8200, 65537, False), (8192, 2**39 + 1, False)]
)
def test_a_key_of_8192_bits_is_taken_and_none_that_takes_longer_to_check_with(
    bits: int, exponent: int, taken: bool
) -> None:
    found = KeySet.parse({"keys": [rsa_jwk(n=large(2 ** (bits - 1) + 1), e=large(exponent))]})

    assert (set(found.keys) == {("RS256", "1")}) is taken


def test_a_key_that_is_said_to_verify_signatures_is_taken() -> None:
    found = KeySet.parse({"keys": [rsa_jwk(key_ops=["sign", "verify"], use="sig", alg="RS256")]})

    assert set(found.keys) == {("RS256", "1")}


def test_a_private_part_that_was_published_makes_no_private_key() -> None:
    found = KeySet.parse({"keys": [rsa_jwk(d="AQAB")]})

    key = found.find("RS256", "1")
    assert key is not None
    assert not hasattr(key.key, "private_numbers")


def test_without_an_id_the_only_key_for_the_algorithm_is_meant() -> None:
    first, second = (public_jwk("EdDSA", signing_key("EdDSA", number), kid=f"{number}") for number in (0, 1))

    alone = KeySet.parse({"keys": [first, rsa_jwk()]})
    assert alone.find("EdDSA", None) is alone.find("EdDSA", "0") is not None
    assert KeySet.parse({"keys": [first, second]}).find("EdDSA", None) is None


def test_so_many_keys_are_looked_at_and_no_more() -> None:
    good = public_jwk("EdDSA", signing_key("EdDSA"), kid="good")

    found = KeySet.parse({"keys": [{}] * MAX_KEYS + [good]})

    assert found.keys == {}
