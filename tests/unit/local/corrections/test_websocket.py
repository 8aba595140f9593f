"""What is sent to a connection finds its API."""

import pytest

from local.corrections.websocket import connections_by_their_ids


@pytest.mark.parametrize(
    ("path", "stages", "found"),
    [
        ("/@connections/c1", {"c1": ("api", "live")}, ("api", "live", "/@connections/c1")),
        ("/@connections/c2", {}, None),
        ("/other/@connections/c1", {"c1": ("api", "live")}, ("parsed", "before", "/other/@connections/c1")),
    ],
)
def test_a_connections_api_is_found_by_its_id(path, stages, found):
    def parse(_host, path):
        return None if path == "/@connections/c2" else ("parsed", "before", path)

    assert connections_by_their_ids(parse, stages.get)("host", path) == found
