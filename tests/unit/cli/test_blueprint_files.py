"""Configuration from files: read with their lines, merged, laid over what holds."""

import pytest

from tocsin.http.yaml_body import read_document as read_body
from tocsin_cli.blueprint.documents import parse_document, read_document
from tocsin_cli.blueprint.merge import KINDS, laid_over, merge
from tocsin_cli.blueprint.show import changes_shown, created_secrets, summary
from tocsin_cli.errors import Fault, Invalid
from tocsin_cli.output import Colour, Output

WORDS = [
    *("NO", "no", "yes", "on", "off", "true", "True", "null", "~", "012", "0x1F", "1_000", "12:30", "1:59:59.5"),
    *("7", "-7", "1.5", ".5", "1e3", "2026-01-01", "2026-01-01T00:00:00Z", "=", "<<", "y", "n", "é"),
]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_what_the_api_takes_it_for(word):
    """Both packages have a reader of their own: what one shows as a change has to be what the other stores."""
    text = f"word: {word}"

    assert parse_document("a", text).content == read_body(text.encode(), "application/yaml")


RULES = """\
# Who is told of refunds.
rules:
  - name: refunds
    severity: warning
    bindings:
      - policy: refund
      - {policy: large, negate: true}
  - {name: logins, bindings: []}
policies:
  - name: refund
    kind: event_matcher
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("rules[0].severity", 4),
        ("rules[0].bindings[1].policy", 7),
        ("rules[0].bindings[1].nothing", 7),
        ("rules[0].missing", 3),
        ("rules[1].name", 8),
        ("rules[9]", 2),
        ("policies[0].kind", 11),
        ("", 1),
    ],
)
def test_each_thing_has_its_line(path, line):
    assert parse_document("a.yaml", RULES).line_of(path) == line


def test_lines_of_json_are_told_too():
    assert (
        parse_document("a.json", '{\n"rules": [\n{"name": "x",\n"severity": "loud"}]}').line_of("rules[0].severity")
        == 4
    )


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("a: 1\na: 2\n", "a.yaml:2", "stands twice"),
        ("a: &x 1\nb: *x\n", "a.yaml:1", "anchors are not taken"),
        ("a: !!python/object:os.system 1\n", "a.yaml:1", "tags are not taken"),
        ("a: [1\nb: 2\n", "a.yaml:2", "expected"),
        ("1: x\n", "a.yaml:1", "no text"),
    ],
)
def test_what_the_api_does_not_take_is_told_by_its_line(text, place, why):
    with pytest.raises(Invalid) as refused:
        parse_document("a.yaml", text)

    (fault,) = refused.value.faults
    assert fault.where == place
    assert why in fault.message


@pytest.mark.parametrize("text", ["- a\n", "text", "\x00"])
def test_a_file_that_is_no_object_is_refused(text):
    with pytest.raises(Invalid):
        parse_document("a.yaml", text)


def test_a_time_stays_the_text_that_it_is():
    assert parse_document("a", "ends: 2026-03-01T00:00:00Z").content == {"ends": "2026-03-01T00:00:00Z"}


def test_an_empty_file_says_nothing():
    assert parse_document("a", "# nothing yet\n").content == {}


def test_variables_stand_for_the_environments_where_they_are_asked_for():
    text = "transports:\n  - {name: hook, secret: '${SECRET}', url: 'https://${HOST}/x'}\n"
    environment = {"SECRET": "whsec_x: [y]", "HOST": "example.com"}

    (transport,) = parse_document("a", text, environment).content["transports"]

    assert transport == {"name": "hook", "secret": "whsec_x: [y]", "url": "https://example.com/x"}
    assert parse_document("a", text).content["transports"][0]["secret"] == "${SECRET}"


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(Invalid, match="SECRET"):
        parse_document("a", "x: ${SECRET}", {})


def test_files_are_merged_by_kind():
    one = parse_document("a.yaml", RULES)
    two = parse_document("b.yaml", "users:\n  - username: alice\nrules:\n  - name: more\nsettings: {brand: x}\n")

    document = merge([one, two]).document

    assert [rule["name"] for rule in document["rules"]] == ["refunds", "logins", "more"]
    assert document["users"] == [{"username": "alice"}]
    assert document["settings"] == {"brand": "x"}
    assert set(document) == {"settings", *KINDS}


def test_a_name_in_two_files_is_refused_with_both_places():
    one = parse_document("a.yaml", RULES)
    two = parse_document("b.yaml", "rules:\n  - name: other\n  - name: logins\n")

    with pytest.raises(Invalid) as refused:
        merge([one, two])

    assert refused.value.faults == (Fault("b.yaml:3", "rule 'logins' stands in a.yaml:8 too"),)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("rulez: []\n", "a.yaml:1"),
        ("rules: {}\n", "a.yaml:1"),
        ("rules:\n  - severity: alert\n", "a.yaml:2"),
        ("users:\n  - name: alice\n", "a.yaml:2"),
        ("settings: []\n", "a.yaml:1"),
    ],
)
def test_what_is_no_blueprint_is_told_by_its_line(text, where):
    with pytest.raises(Invalid) as refused:
        merge([parse_document("a.yaml", text)])

    assert [fault.where for fault in refused.value.faults] == [where]


def test_what_no_file_names_stays_as_it_is():
    current = {
        "settings": {"brand": "old", "event_retention": "days=365"},
        "rules": [{"name": "logins", "severity": "alert"}, {"name": "kept", "severity": "alert"}],
        "users": [{"username": "alice"}],
    }

    merged = laid_over(current, merge([parse_document("a.yaml", "settings: {brand: new}\n" + RULES)]))

    assert merged.document["settings"] == {"brand": "new", "event_retention": "days=365"}
    assert [rule["name"] for rule in merged.document["rules"]] == ["logins", "kept", "refunds"]
    assert merged.document["rules"][0] == {"name": "logins", "bindings": []}
    assert merged.document["users"] == [{"username": "alice"}]


def test_a_name_is_the_one_that_holds_however_it_was_typed():
    """The API keeps names in normal form C. The fault: the second `apply` of such a file named people twice."""
    current = {"users": [{"username": "j\u00fcrgen", "name": "J"}], "groups": [{"name": "caf\u00e9"}]}
    text = "users:\n  - username: ju\u0308rgen\ngroups:\n  - name: cafe\u0301\n    members: [ju\u0308rgen]\n"

    merged = laid_over(current, merge([parse_document("a.yaml", text)]))

    assert [len(merged.document[kind]) for kind in ("users", "groups")] == [1, 1]
    assert merged.entry("users", "j\u00fcrgen") == {"username": "ju\u0308rgen"}
    with pytest.raises(Invalid):
        merge([parse_document("a.yaml", text), parse_document("b.yaml", "users: [{username: j\u00fcrgen}]")])


def test_what_the_api_finds_wrong_is_told_by_file_and_line():
    current = {"rules": [{"name": "kept"}]}
    merged = laid_over(
        current, merge([parse_document("a.yaml", RULES), parse_document("b.yaml", "settings: {brand: 1}")])
    )

    assert merged.place_of("rules[1].bindings[1].policy") == "a.yaml:7 (rule refunds, bindings[1].policy)"
    assert merged.place_of("rules[0].severity") == "rule kept, severity"
    assert merged.place_of("settings.brand") == "b.yaml:1 (settings.brand)"
    assert merged.place_of("rules[99].x") == "rules[99].x"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Invalid, match="there is no file"):
        read_document(str(tmp_path / "none.yaml"))


def shown(changes, wanted, capsys):
    Output(colour=Colour.NEVER).console.print(changes_shown(changes, wanted))
    return capsys.readouterr().out


def test_a_plan_shows_what_is_made_changed_and_deleted(capsys):
    changes = [
        {"kind": "policies", "name": "refund", "change": "create"},
        {
            "kind": "rules",
            "name": "logins",
            "change": "update",
            "fields": {"severity": {"from": "notice", "to": "alert"}},
        },
        {"kind": "users", "name": "eve", "change": "delete"},
    ]

    lines = shown(changes, merge([parse_document("a.yaml", RULES)]), capsys).splitlines()

    assert lines == [
        "+ policy refund",
        "    + name: refund",
        "    + kind: event_matcher",
        "~ rule logins",
        "    severity: notice → alert",
        "- user eve",
        "1 to create, 1 to change, 1 to delete",
    ]


def test_a_long_field_is_shown_by_its_lines(capsys):
    fields = {"bindings": {"from": [{"policy": "a"}, {"policy": "b"}], "to": [{"policy": "a"}, {"policy": "c"}]}}

    out = shown([{"kind": "rules", "name": "x", "change": "update", "fields": fields}], merge([]), capsys)

    assert out.splitlines()[1:5] == [
        "    bindings:",
        "        - policy: a",
        "      - - policy: b",
        "      + - policy: c",
    ]


def test_a_secret_of_a_file_is_not_shown(capsys):
    text = (
        "transports:\n  - name: hook\n    secret: whsec_hidden\n    client_key: hidden-too\n"
        "    url: https://example.com/hidden?a=hidden\n    headers: {X-Api-Key: hidden}\n"
    )
    change = {"kind": "transports", "name": "hook", "change": "create"}

    out = shown([change], merge([parse_document("a", text)]), capsys)

    assert "hidden" not in out
    assert "https://example.com/…" in out
    assert "X-Api-Key" in out


def test_nothing_to_change_is_said():
    assert summary([]).plain == "nothing would change"


def test_secrets_that_were_made_are_told_with_their_names():
    applied = {"created": {"keys": [{"name": "shop", "key": "k"}], "secrets": [{"transport": "hook", "secret": "s"}]}}

    assert created_secrets(applied) == [
        {"kind": "key", "name": "shop", "secret": "k"},
        {"kind": "transport", "name": "hook", "secret": "s"},
    ]
