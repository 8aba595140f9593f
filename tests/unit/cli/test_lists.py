"""Lists, and what is searched in them."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

LISTS = [
    ["rules", "list"],
    ["policies", "list"],
    ["transports", "list"],
    ["mappings", "list"],
    ["users", "list"],
    ["groups", "list"],
    ["groups", "members", "oncall"],
    ["keys", "list"],
    ["silences", "list"],
    ["mail-stops", "list"],
    ["deliveries"],
]


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_a_list_is_searched_by_the_api(arguments, monkeypatch):
    with serving(lambda _: Reply(200, {"items": [], "cursor": None})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main([*arguments, "--search", "two words"]) == 0

    assert parse_qs(urlsplit(site.asked[-1].path).query)["search"] == ["two words"]


@pytest.mark.parametrize("option", ["--user", "--user-pk", "--app", "--model", "--action", "--client-ip", "--filter"])
@pytest.mark.parametrize("command", [["events"], ["exports", "create"]], ids=" ".join)
def test_a_filter_without_a_value_is_not_taken_for_none(command, option, monkeypatch, capsys):
    """The fault: `exports create --user "$WHO"` exported the events of all, where the variable was not set."""
    with serving(lambda _: Reply(200, {"items": [], "cursor": None})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main([*command, option, ""]) == ExitCode.USAGE

    assert site.asked == []
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["deliveries", "--transport", ""], ["redrive", ""]], ids=" ".join)
def test_a_transport_without_a_name_is_not_taken_for_all(arguments, monkeypatch, capsys):
    with serving(lambda _: Reply(200, {"items": [], "cursor": None})) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main(arguments) == ExitCode.USAGE

    assert site.asked == []
