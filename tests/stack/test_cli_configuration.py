"""The command line and the configuration: as code, entry by entry, in an editor, against the running stack."""

import re
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import yaml

from local.waiting import until


@pytest.fixture
def name(api):
    """A name of the test's own; rules, policies, transports and so on with it are deleted afterwards."""
    made = f"cli-{uuid4().hex[:10]}"
    yield made
    for kind in ("rules", "policies", "transports", "mappings", "groups", "users", "keys"):
        api.ask("DELETE", f"/{kind}/{made}")


def configuration(name, **rule):
    test = {"event": {"action": "refund", "app": name}, "fires": True}
    return yaml.safe_dump(
        {
            "policies": [{"name": name, "kind": "event_matcher", "action": "refund", "app": name}],
            "rules": [
                {"name": name, "transports": ["inbox"], "destination_group": "identity", "bindings": [{"policy": name}]}
                | {"tests": [test]}
                | rule
            ],
        },
        sort_keys=False,
    )


def editor(tocsin, *replacements, before=""):
    """An editor that replaces texts; `before` is Python that is run first."""
    tocsin.written(
        "editor.py",
        f"import pathlib, sys\n{before}\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
        + "".join(f"text = text.replace({old!r}, {new!r})\n" for old, new in replacements)
        + "path.write_text(text)\n",
    )
    return {"EDITOR": f"{sys.executable} {tocsin.directory / 'editor.py'}", "VISUAL": ""}


def test_what_is_exported_changes_nothing(tocsin):
    exported = tocsin.written("all.yaml", tocsin("export").out)

    assert tocsin("diff", exported).out == "nothing would change\n"
    assert tocsin("diff", "--prune", exported, "-o", "json").json["changes"] == []
    tocsin("export", "--split", "config")
    assert tocsin("diff", "config").out == "nothing would change\n"
    assert set(tocsin("export", "rules", "users", "-o", "json").json) == {"rules", "users"}


def test_files_are_compared_applied_and_applied_again(tocsin, name):
    file = tocsin.written("refunds.yaml", configuration(name))

    compared = tocsin("diff", file, code=2)
    assert f"+ policy {name}" in compared.out
    assert f"+ rule {name}" in compared.out
    assert "2 to create, 0 to change, 0 to delete" in compared.out
    assert "passed" in compared.err
    assert tocsin("apply", "--dry-run", file, code=2).out == compared.out
    assert "There is no terminal to ask at" in tocsin("apply", file, code=64).err
    assert tocsin("rules", "show", name, code=3).out == ""

    assert "applied 2 changes" in tocsin("apply", "--yes", file).err
    assert tocsin("apply", file).out == "nothing to change\n"
    assert tocsin("rules", "show", name, "-o", "json").json["destination_group"] == "identity"

    tocsin.written("refunds.yaml", configuration(name, severity="alert"))
    changed = tocsin("diff", file, "-o", "json", code=2).json["changes"]
    assert [(change["kind"], change["change"], change["fields"]["severity"]["to"]) for change in changed] == [
        ("rules", "update", "alert")
    ]


def test_pruning_says_what_the_files_do_not_name(tocsin):
    everything = yaml.safe_load(tocsin("export").out)
    gone = everything["policies"][0]["name"]
    rules = [rule for rule in everything["rules"] if gone not in str(rule.get("bindings"))]
    file = tocsin.written(
        "less.yaml", yaml.safe_dump(everything | {"policies": everything["policies"][1:], "rules": rules})
    )

    assert f"- policy {gone}" in tocsin("diff", "--prune", file, code=2).out
    assert tocsin("diff", file).out == "nothing would change\n"


def test_what_is_wrong_is_told_by_file_and_line(tocsin, name):
    file = tocsin.written("refunds.yaml", configuration(name, severity="loud"))
    refused = tocsin("diff", file, code=6)
    line = 1 + (tocsin.directory / file).read_text().splitlines().index("  severity: loud")
    assert f"refunds.yaml:{line} (rule {name}, severity): Input should be" in refused.err

    tocsin.written("refunds.yaml", configuration(name).replace("fires: true", "fires: false"))
    assert re.search(
        r"refunds\.yaml:\d+ \(rule .*, tests\[0\]\): rule .* must not fire, and does",
        tocsin("apply", "-y", file, code=6).err,
    )

    tocsin.written("again.yaml", configuration(name))
    assert "stands in again.yaml" in tocsin("diff", "again.yaml", file, code=6).err


def test_secrets_come_from_the_environment_and_are_not_shown(tocsin, stack, name):
    secret = "whsec_c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDM="
    url = f"{stack.sinks.url}/webhook/{name}"
    document = {"transports": [{"name": name, "mode": "webhook", "url": url, "secret": "${HOOK_SECRET}"}]}
    file = tocsin.written("hook.yaml", yaml.safe_dump(document))

    assert "HOOK_SECRET" in tocsin("diff", "--env", file, code=6).err
    compared = tocsin("diff", "--env", file, code=2, HOOK_SECRET=secret)
    tocsin("apply", "--env", "-y", file, HOOK_SECRET=secret)

    assert secret not in compared.out + compared.err
    tocsin("transports", "test", name, "--user", "farah")
    (received,) = stack.sinks.received(f"/webhook/{name}")
    assert received.headers["webhook-signature"].startswith("v1,")


def test_keys_that_a_file_makes_are_shown_once(tocsin, name):
    file = tocsin.written("key.yaml", yaml.safe_dump({"keys": [{"name": name, "scopes": ["events:read"]}]}))

    (key,) = re.findall(rf"key {name}: (\S+)", tocsin("apply", "-y", file).out)

    assert tocsin("events", "-n", "1", "-o", "json", TOCSIN_KEY=key).code == 0


def test_a_rule_from_its_making_to_its_end(tocsin, name):
    app = f"app={name}"
    tocsin("policies", "create", name, "kind=event_matcher", app)
    assert "POLICY" not in tocsin("policies", "list").out
    assert name in tocsin("policies", "list").out
    bindings = f'bindings:=[{{"policy": "{name}"}}]'
    tocsin("rules", "create", name, "destination_group=identity", bindings)
    assert "there already" in tocsin("rules", "create", name, bindings, code=7).err
    tocsin("rules", "create", name, "--replace", "destination_group=identity", "severity=alert", bindings)
    assert yaml.safe_load(tocsin("rules", "show", name).out)["severity"] == "alert"

    tocsin("rules", "set", name, "severity=notice")
    tocsin("rules", "disable", name)
    assert tocsin("rules", "show", name, "-o", "json").json["enabled"] is False
    tocsin("rules", "enable", name)
    listed = {rule["name"]: rule for rule in tocsin("rules", "list", "-o", "ndjson").lines}
    assert (listed[name]["enabled"], listed[name]["severity"]) == (True, "notice")

    assert "is in use by rule" in tocsin("policies", "delete", "-y", name, code=7).err
    assert "say --yes" in tocsin("rules", "delete", name, code=64).err
    tocsin("rules", "delete", "-y", name)
    tocsin("policies", "delete", "-y", name)
    assert tocsin("rules", "show", name, code=3).out == ""


def test_a_rule_and_a_policy_are_tried_on_events(tocsin):
    fires = tocsin("rules", "test", "signed", "rehearsal", "--app", "signed", "--expect", "fires")
    assert "rule signed fires" in fires.out
    assert "by pager (webhook)" in fires.out
    assert "farah" in fires.out

    tocsin("rules", "test", "signed", "rehearsal", "--app", "other", "--expect", "fires", code=1)
    tocsin("rules", "test", "signed", "rehearsal", "--app", "other", "--expect", "silent")
    explained = tocsin("policies", "test", "app-signed", "rehearsal", "--app", "signed", "-o", "json").json
    assert explained["holds"] is True

    event_id = tocsin("send", "rehearsal", "--app", "other", "-o", "json").json["id"]
    assert tocsin("rules", "test", "signed", "--id", event_id, "-o", "json").json["fires"] is False
    file = tocsin.written("event.json", '{"action": "rehearsal", "app": "signed"}')
    assert tocsin("rules", "test", "signed", "--file", file, "-o", "json").json["fires"] is True
    tocsin("rules", "test", "signed", code=64)


def test_a_backtest_counts_what_would_have_fired(tocsin, name):
    tocsin("policies", "create", name, "kind=event_matcher", f"app={name}")
    tocsin("rules", "create", name, "destination_group=identity", f'bindings:=[{{"policy": "{name}"}}]')
    day = datetime.now(UTC).date() - timedelta(days=30)
    hours = {f"{day}T10:00:00": 3, f"{day}T15:30:00": 1}
    rows = [f"{at}.{number:03}Z,login,{name}" for at, count in hours.items() for number in range(count)]
    tocsin("import", tocsin.written("a.csv", "\n".join(["time,action,app", *rows]) + "\n"))
    span = ("--since", f"{day}T00:00:00Z", "--until", f"{day + timedelta(days=1)}T00:00:00Z")

    result = tocsin("rules", "backtest", name, *span, "-o", "json").json

    assert result["fired"] == 4
    assert result["by_hour"] == {f"{day}T10:00:00.000Z": 3, f"{day}T15:00:00.000Z": 1}
    shown = tocsin("rules", "backtest", name, *span).out
    assert "would have fired 4 times" in shown
    bars = next(line for line in shown.splitlines() if "at most 3 in 1 h" in line)
    assert [position - 2 for position, bar in enumerate(bars[:26]) if bar in "▁▂▃▄▅▆▇█"] == [10, 15]


def test_an_edit_is_checked_and_nobody_elses_change_is_overwritten(tocsin, name):
    tocsin("policies", "create", name, "kind=event_matcher", f"app={name}")
    edited = tocsin("policies", "edit", name, **editor(tocsin, (f"app: {name}", "app: edited")))
    assert f"policy {name} changed" in edited.err
    assert tocsin("policies", "show", name, "-o", "json").json["app"] == "edited"

    assert "nothing was edited" in tocsin("policies", "edit", name, **editor(tocsin)).err
    refused = tocsin("policies", "edit", name, code=6, **editor(tocsin, ("app: edited", "client_ip: nowhere")))
    assert "client_ip" in refused.err

    meanwhile = (
        "import subprocess, sys\n"
        f"command = [sys.executable, '-m', 'tocsin_cli', 'policies', 'set', {name!r}, 'app=meanwhile']\n"
        "subprocess.run(command, check=True)"
    )
    conflict = tocsin(
        "policies", "edit", name, code=7, **editor(tocsin, ("app: edited", "app: mine"), before=meanwhile)
    )
    assert "what you wrote is kept in" in conflict.err
    assert tocsin("policies", "show", name, "-o", "json").json["app"] == "meanwhile"


def test_an_entry_is_made_in_the_editor_or_from_a_file(tocsin, name):
    tocsin("policies", "create", name, **editor(tocsin, ("action: login_failed", f"app: {name}")))
    assert tocsin("policies", "show", name, "-o", "json").json["app"] == name

    file = tocsin.written("policy.yaml", "kind: event_matcher\nclient_ip: nowhere\n")
    refused = tocsin("policies", "create", name, "--replace", "-f", file, code=6)
    assert "policy.yaml:2 (" in refused.err
    tocsin("policies", "create", name, "--replace", "-f", "-", stdin="kind: event_matcher\napp: piped\n")
    assert tocsin("policies", "show", name, "-o", "json").json["app"] == "piped"


def test_a_transport_is_made_tried_switched_off_and_deleted(tocsin, stack, name):
    made = tocsin("transports", "create", name, "mode=webhook", f"url={stack.sinks.url}/webhook/{name}")
    assert re.search(r"secret: whsec_\S+", made.out)
    assert "whsec_" not in tocsin("transports", "show", name).out

    assert f"test by {name} delivered" in tocsin("transports", "test", name, "--user", "farah").out
    assert len(stack.sinks.received(f"/webhook/{name}")) == 1
    tocsin("transports", "disable", name)
    listed = {each["name"]: each for each in tocsin("transports", "list", "-o", "json").json}
    assert listed[name]["enabled"] is False
    assert tocsin("breaker", "show", name, "-o", "json").json["state"] == "closed"
    assert name in tocsin("breaker", "list").out
    assert "is closed" in tocsin("breaker", "reset", name).err
    tocsin("transports", "delete", "-y", name)


def test_a_test_that_is_not_delivered_is_a_failure(tocsin, stack, name):
    tocsin("transports", "create", name, "mode=webhook", "url=http://127.0.0.1:9/closed")

    ran = tocsin("transports", "test", name, code=1)

    assert "connect  " in ran.out


def test_a_mapping_is_made_listed_and_deleted(tocsin, name):
    tocsin("mappings", "create", name, "expression={'text': notification.body}")

    assert name in tocsin("mappings", "list").out
    tocsin("mappings", "delete", "-y", name)


def test_people_groups_and_members(tocsin, name):
    tocsin("users", "create", name, "email=someone@example.com", "name=Some One")
    tocsin("groups", "create", name, 'children:=["identity"]')
    tocsin("groups", "add", name, name)
    assert [each["username"] for each in tocsin("groups", "members", name, "-o", "json").json] == [name]
    tocsin("users", "disable", name)
    listed = {each["username"]: each for each in tocsin("users", "list", "-o", "json").json}
    assert listed[name]["active"] is False
    tocsin("groups", "remove", name, name)
    assert tocsin("groups", "members", name).out == ""
    assert name in tocsin("groups", "list").out
    tocsin("groups", "delete", "-y", name)
    tocsin("users", "delete", "-y", name)


def test_a_key_is_made_used_rotated_and_revoked(tocsin, name):
    made = tocsin("keys", "create", name, "--scope", "events:read", "--expires", "90d", "-o", "json").json
    assert tocsin("events", "-n", "1", TOCSIN_KEY=made["key"]).code == 0
    assert tocsin("rules", "list", code=4, TOCSIN_KEY=made["key"]).out == ""

    rotated = re.search(r"key: (\S+)", tocsin("keys", "rotate", name, "--overlap", "none").out)[1]
    assert rotated != made["key"]
    assert tocsin("events", "-n", "1", TOCSIN_KEY=rotated).code == 0
    tocsin("events", code=4, TOCSIN_KEY=made["key"])
    tocsin("keys", "set", name, 'scopes:=["config:read"]')
    listed = {each["name"]: each for each in tocsin("keys", "list", "-o", "json").json}
    assert listed[name]["scopes"] == ["config:read"]
    tocsin("keys", "delete", "-y", name)
    tocsin("rules", "list", code=4, TOCSIN_KEY=rotated)
    assert "there is no scope" in tocsin("keys", "create", name, "--scope", "everything", code=64).err


def test_settings_are_shown_changed_and_edited(tocsin):
    before = tocsin("settings", "show", "-o", "json").json
    try:
        tocsin("settings", "set", "brand=From the command line")
        assert tocsin("settings", "show", "-o", "json").json == before | {"brand": "From the command line"}
        tocsin("settings", "edit", **editor(tocsin, ("From the command line", "From the editor")))
        assert "From the editor" in tocsin("settings", "show").out
    finally:
        tocsin("settings", "set", f"brand={before['brand']}")


def test_a_silence_holds_a_rule_until_it_is_ended(tocsin, name):
    tocsin("policies", "create", name, "kind=event_matcher", f"app={name}")
    tocsin("rules", "create", name, "destination_group=identity", f'bindings:=[{{"policy": "{name}"}}]')
    also = tocsin("rules", "create", f"{name}-too", "enabled=false", f'bindings:=[{{"policy": "{name}"}}]')
    assert also.code == 0
    try:
        made = tocsin("silence", "--rule", name, "--for", "2h", "-c", "deploy")
        silence = made.out.strip()
        assert f"{name}-too and any other rule that they fire will not tell of them either" in made.err
        shown = tocsin("silences", "show", silence, "-o", "json").json
        assert (shown["matcher"], shown["comment"], shown["state"]) == ({"app": name}, "deploy", "active")
        assert silence in tocsin("silences", "list").out

        def story():
            event_id = tocsin("send", "login", "--app", name, "-o", "json").json["id"]

            def told():
                rules = tocsin("story", event_id, "-o", "json").json["rules"]
                return event_id if rules else None

            until(told, 120, of="the rule's match")
            return tocsin("story", event_id).out

        held = until(
            lambda: out if f"held by silence {silence}" in (out := story()) else None, 180, of="the silence in force"
        )
        assert "deploy" in held

        tocsin("unsilence", silence)
        assert tocsin("silences", "show", silence, "-o", "json").json["state"] == "over"
        assert silence not in tocsin("silences", "list").out
        assert silence in tocsin("silences", "list", "--all").out
    finally:
        tocsin("rules", "delete", "-y", f"{name}-too")


def test_a_silence_of_fields_is_a_pattern_with_a_name(tocsin, name):
    made = tocsin("silence", f"app={name}", "context.host=web*", "--until", "3h", "--name", name, "-o", "json").json
    try:
        assert made[0]["pattern"] == {"app": [name], "context": {"host": [{"wildcard": "web*"}]}}
        assert tocsin("silence", f"app={name}", "--name", name, code=7).out == ""
    finally:
        tocsin("unsilence", name)
    tocsin("silence", code=64)
    tocsin("unsilence", code=64)
    assert tocsin("unsilence", "no-such-silence", code=3).out == ""
