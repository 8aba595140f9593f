"""`tocsin preferences`: what is sent for what is typed, and that the version that was read is named."""

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

SAID = {"rules": {"logins": {"muted": True}}, "transports": {"mail": {"min_severity": "alert"}}, "locale": "de"}


@pytest.fixture
def site(monkeypatch):
    """A server where SAID was said, which takes whatever is said instead."""

    def answer(asked):
        return Reply(200, asked.json if asked.method == "PUT" else SAID, {"ETag": '"seen"'})

    with serving(answer) as made:
        monkeypatch.setenv("TOCSIN_URL", made.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")
        yield made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mute", "refunds"], {"rules": {"logins": {"muted": True}, "refunds": {"muted": True}}}),
        (["unmute", "logins"], {"rules": {}}),
        (["off", "mail"], {"transports": {"mail": {"min_severity": "alert", "enabled": False}}}),
        (["on", "chat"], {"transports": {"mail": {"min_severity": "alert"}, "chat": {"enabled": True}}}),
        (["set", "time_zone=Europe/Berlin", 'digest:={"every": "hour"}'],
         {"time_zone": "Europe/Berlin", "digest": {"every": "hour"}}),
    ],
)  # fmt: skip
def test_a_change_keeps_the_rest_and_names_the_version(site, words, said):
    assert main(["preferences", *words]) == ExitCode.OK

    read, written = site.asked
    assert (read.method, read.path) == ("GET", "/users/me/preferences")
    assert (written.method, written.path) == ("PUT", "/users/me/preferences")
    assert written.headers["if-match"] == '"seen"'
    assert written.json == SAID | said


def test_a_rule_is_muted_for_a_time(site, capsys):
    assert main(["preferences", "mute", "logins", "--for", "8h", "--user", "o'brien", "-o", "json"]) == ExitCode.OK

    muted = site.asked[1].json["rules"]["logins"]
    assert muted.keys() == {"muted_until"}
    assert site.asked[1].path == "/users/o%27brien/preferences"
    assert "muted_until" in capsys.readouterr().out


def test_what_is_not_muted_is_not_unmuted(site, capsys):
    assert main(["preferences", "unmute", "refunds"]) == ExitCode.USAGE

    assert "rule 'refunds' is not muted" in capsys.readouterr().err
    assert [asked.method for asked in site.asked] == ["GET"]


@pytest.mark.parametrize(("words", "path"), [([], ""), (["--effective"], "/options")])
def test_preferences_are_shown(site, capsys, words, path):
    assert main(["preferences", "show", *words]) == ExitCode.OK

    assert site.asked[0].path == f"/users/me/preferences{path}"
    assert "locale: de" in capsys.readouterr().out
