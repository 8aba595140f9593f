"""Lists, and what is searched in them."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.cli.serving import Reply, serving
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
