"""Which keys name a secret, and what the settings change of that."""

import pytest

from tocsin.events.redact import MASK, Secrets, cleanse


# Keys
@pytest.mark.parametrize(
    "key",
    [
        *("api", "auth", "token", "key", "secret", "pass", "password", "passwd", "passphrase", "passcode", "signature"),
        *("cookie", "credential", "otp", "totp", "jwt", "csrf", "session", "private", "bearer", "authorization"),
        *("apis", "tokens", "keys", "secrets", "passwords", "passes", "cookies", "credentials", "sessions"),
        *("api_key", "api-key", "api.key", "api key", "api/key", "apiKey", "ApiKey", "APIKey", "API_KEY", "APIkey"),
        *(
            "accessKeyId",
            "HTTPCookie",
            "HTTP_COOKIE",
            "Set-Cookie",
            "X-Api-Key",
            "x-amz-security-token",
            "user[password]",
        ),
        *(
            "db_password",
            "dbPassword2",
            "key1",
            "OTPCode",
            "private_key",
            "clientSecret",
            "X-Amz-Signature",
            "sig",
            "pwd",
        ),
        *("apikey", "xapikey", "accesskey", "accesskeyid", "secretkey", "authtoken", "sessionid", "privatekey"),
        *(
            "csrftoken",
            "csrfmiddlewaretoken",
            "clientsecret",
            "refreshtoken",
            "JSESSIONID",
            "PHPSESSID",
            "webhooksecret",
        ),
        *("psk", "wpa_psk", "preSharedKey", "passwort", "Passwort", "db_passwort", "Kennwort", "neuesKennwort"),
        *("contraseña", "contrasena", "senha", "senha_usuario", "mdp", "mdp_ldap"),
        *("pin", "PIN", "card_pin", "pinCode", "cvv", "CVV2", "cardCvc", "SAMLResponse", "saml_assertion"),
        *("recovery_codes", "mfaRecoveryCodes", "recoverycode", "backup-codes", "backupCode1", "security_code"),
        *("oobCode", "oob_code", "oobcode"),
        *("HTTP_AUTHORIZATION", "Proxy-Authorization", "authorization_code", "oauth_token", "OAuthToken", "ключ_api"),
    ],
)
def test_a_key_that_names_a_secret_is_secret(key):
    assert Secrets().is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "monkey",
            "author",
            "compass",
            "keyboard",
            "keynote",
            "authority",
            "tokenizer",
            "passport",
            "turkey",
            "bypass",
        ),
        *(
            "encompass",
            "passenger",
            "secretary",
            "signatory",
            "therapist",
            "capital",
            "privileged",
            "obsession",
            "Monkey",
        ),
        *("ping", "pinned", "pin_location", "shipping", "mapping", "saml", "SAMLRequest", "saml_provider", "recovery"),
        *("backup", "backup_id", "postal_code", "security_group", "status_code", "error_code"),
        *("passing", "password_change_date", "passwordChangeDate", "auth_method", "authMethod", "auth_method_args"),
        *("authorized_application", "authenticated_as", "authentication_method", "authorizationInfo", "authn_request"),
        *(
            "oauth",
            "OAuth2",
            "oauthApplication",
            "OAuthApplication",
            "username",
            "client_ip",
            "path",
            "id",
            "pk",
            "",
            "…",
        ),
    ],
)
def test_a_key_that_only_contains_the_letters_of_a_secret_word_is_readable(key):
    assert not Secrets().is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "public_key",
            "publicKey",
            "public_keys",
            "publickey",
            "api_version",
            "apiVersion",
            "token_type",
            "tokenType",
        ),
        *("sessionContext", "sessioncontext", "session_issuer", "session_duration", "privateIpAddress", "private_ip"),
    ],
)
def test_a_key_that_tells_about_a_secret_what_everyone_may_know_is_readable(key):
    assert not Secrets().is_secret_key(key)


@pytest.mark.parametrize("key", ["ssn", "SSN", "Ssn"])
def test_settings_can_add_a_key(key):
    assert Secrets(extra=frozenset({"ssn"})).is_secret_key(key)


def test_a_key_that_is_added_is_taken_at_its_word_in_a_text():
    secrets = Secrets(extra=frozenset({"ssn"}))

    assert cleanse("ssn:abc", secrets) == f"ssn:{MASK}"
    assert cleanse('{"op": "add", "path": "/a/ssn", "value": "x"}', secrets) == (
        f'{{"op": "add", "path": "/a/ssn", "value": "{MASK}"}}'
    )


def test_words_written_together_are_taken_apart_up_to_64_letters():
    assert Secrets().is_secret_key("user" * 15 + "pass")
    assert not Secrets().is_secret_key("user" * 15 + "xpass")


def test_an_added_key_is_a_whole_key_and_no_word():
    assert not Secrets(extra=frozenset({"code"})).is_secret_key("country_code")


@pytest.mark.parametrize("key", ["access_key_id", "accessKeyId", "Access-Key-ID", "accesskeyid"])
def test_settings_can_exempt_a_key_in_any_spelling(key):
    assert not Secrets(exempt=frozenset({"access_key_id"})).is_secret_key(key)


def test_an_exempted_key_exempts_no_longer_key():
    assert Secrets(exempt=frozenset({"key"})).is_secret_key("api_key")


def test_what_the_settings_exempt_is_added_to_what_is_always_exempt():
    assert not Secrets(exempt=frozenset({"key"})).is_secret_key("auth_method")


@pytest.mark.parametrize("key", ["auth_method", "publicKey", "pin"])
def test_an_added_key_is_masked_even_if_it_is_exempt(key):
    assert Secrets(extra=frozenset({key}), exempt=frozenset({key})).is_secret_key(key)


def test_an_empty_entry_in_the_settings_changes_nothing():
    assert not Secrets(extra=frozenset({"", "--"})).is_secret_key("…")


def test_secrets_of_the_same_settings_are_equal_whatever_they_have_seen():
    seen = Secrets(extra=frozenset({"ssn"}))
    seen.is_secret_key("token")

    assert (seen, hash(seen)) == (Secrets(extra=frozenset({"ssn"})), hash(Secrets(extra=frozenset({"ssn"}))))


def test_answers_stay_right_when_more_keys_were_seen_than_are_remembered():
    secrets = Secrets()

    answers = [(secrets.is_secret_key(f"name_{n}x"), secrets.is_secret_key(f"token_{n}")) for n in range(5_000)]

    assert set(answers) == {(False, True)}


def test_what_is_remembered_of_keys_has_a_bound():
    secrets = Secrets()

    for number in range(20_000):
        secrets.is_secret_key(f"field{number}")

    assert len(secrets._known) <= 4096
