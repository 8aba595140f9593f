"""Each form that is listed of a command, a name, a tag or a scheme is masked, and what is next to one is not."""

import pytest

from tests.unit.events.secret_commands import COMMANDS, INNOCENT_COMMANDS
from tests.unit.events.secret_payloads import S
from tocsin.events.redact import MASK, cleanse

FORMS = (
    ("{}", ("net user bob ¤", "net1.exe user bob ¤", "ConvertTo-SecureString '¤'")),
    ("mongo{} -u bob -p ¤", ("", "sh", "dump", "restore", "export", "import", "stat", "top", "files")),
    ("snmp{} -v3 -A ¤ h", ("get", "set", "walk", "bulkget", "table", "trap", "inform", "status", "usm", "vacm")),
    ("rabbitmqctl {} bob ¤", ("add_user", "change_password")),
    ("{} config set api.token ¤", ("npm", "pip", "yarn", "git", "gcloud")),
    ("token: !{} ¤\nport: 1", ("binary", "decrypt", "encrypted", "secret", "unsafe", "vault", "!str")),
    (
        "- {}: API_TOKEN\n  value: ¤\n- {}: PORT\n  value: 5432",
        (
            *("name", "key", "field", "header", "variable", "param", "parameter", "property", "attribute", "setting"),
            *("option", "parameter_name", "optionName", "variable_name", "propertyName", "attribute_name"),
            *("setting_name", "header_name", "env_name"),
        ),
    ),
    (
        "- name: API_TOKEN\n  {}: ¤\n- name: PORT\n  {}: 5432",
        (
            *("new_value", "defaultValue", "parameter_value", "optionValue", "variable_value", "propertyValue"),
            *("attribute_value", "settingValue", "header_value"),
        ),
    ),
    ("x token={} ¤ y", ("ApiKey", "Basic", "Bearer", "Digest", "DPoP", "Negotiate", "Token")),
    (
        "Authorization: {} ¤\nHost: h",
        (
            *("ApiKey", "AWS4-HMAC-SHA256", "Basic", "Bearer", "Digest", "DPoP", "Hawk", "Negotiate", "NTLM", "OAuth"),
            "Token",
        ),
    ),
    ("root:¤@{}(h)/app", ("tcp", "tcp4", "udp", "unix", "cloudsql")),
    ("<key>token</key><{0}>¤</{0}>", ("string", "data", "integer", "value")),
    ("token: {}¤{}, port: 1", ("'", '"', "")),
    ("password = {}", ('$"¤"', '@"¤"', 'b"¤"', '"""¤"""', "'''¤'''")),
    ("{{{0}token{0}: {0}¤{0}, {0}n{0}: 1}}", ("&quot;", "&#34;", "&#39;", "&#x27;", "\\u0022", "\\x27")),
    ("password: {} = '¤'", ("str", "Str", "string", "bytes", "Optional[str]")),
    ("a=1, token: old1 {} ¤, b=2", ("->", "\u2192")),
)
INNOCENT = (
    *("token::8f14e45fceea167a", "token://8f14e45fceea167a"),
    *("got Bearer error=x1 y", "got Bearer scope=x1 y", "got Basic charset=utf8 y", "a BEARER TOKEN of bob"),
    *("Bearer auth", "Bearer authentication", "Bearer authorization", "Bearer scheme"),
    *("net use Z: \\\\h\\share /user:bob", "net use Z: /user:bob", "net use \\\\h\\s /user:bob /persistent:no"),
    *("net user bob growth", "net user bob 2024", "the carnet user bob x1y2"),
    *("mongosh -p 27017", "mongosh -p --host h", "create user bob identified by values 'abc1'"),
)


TEXTS = [form.format(each, each).replace("¤", S) for form, several in FORMS for each in several]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_in_each_form_is_masked_and_nothing_else(text: str) -> None:
    assert cleanse(text).replace("old1", MASK) == text.replace("old1", MASK).replace(S, MASK)


def test_whether_a_text_is_masked_does_not_depend_on_the_other_texts() -> None:
    """The fault: a command without an option was looked at only where another text had one."""
    texts = dict(enumerate([*TEXTS, *COMMANDS.values(), *INNOCENT, *INNOCENT_COMMANDS]))

    together = cleanse({str(place): text for place, text in texts.items()})

    assert together == {str(place): cleanse(text) for place, text in texts.items()}


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_next_to_a_form_stays_as_it_is(text: str) -> None:
    assert cleanse(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("client_secret:443abc", "client_secret:***"),
        ("session: abcdefghijklmnopqrstuvwx began", "session: *** began"),
        ("Password: it's a horse\nx", "Password: ***\nx"),
        ("Password: correct horse, user: bob", "Password: ***, user: bob"),
    ],
)
def test_of_a_text_the_secret_alone_is_masked(text: str, masked: str) -> None:
    assert cleanse(text) == masked.replace("***", MASK)
