"""How many proxies are a process's own, however that is said."""

import pytest

from tocsin_client import Event, configuration

THROUGH_TWO = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "REMOTE_ADDR": "10.0.0.9",
    "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.7",
}


@pytest.fixture
def configured(monkeypatch):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    monkeypatch.setattr("tocsin_client.faults._reported", {})
    return configuration.current


@pytest.mark.parametrize("given", [1, "1", " 1\n"])
def test_a_number_counts_also_as_text(configured, given, caplog):
    """The fault: of `"TRUSTED_PROXIES": os.environ["PROXIES"]` nothing of any request was told."""
    configured.trusted_proxies = given

    event = Event.new("x").from_http(THROUGH_TWO)

    assert (event.client_ip, caplog.records) == ("203.0.113.7", [])


@pytest.mark.parametrize("given", ["one", "-1", "1.0"])
def test_what_is_no_number_believes_no_header_aloud(configured, given, caplog, monkeypatch):
    """The fault: all events had the proxy's address, and the log said nothing."""
    monkeypatch.setenv("TOCSIN_TRUSTED_PROXIES", given)

    event = Event.new("x").from_http(THROUGH_TWO)

    assert event.client_ip == "10.0.0.9"
    assert [record.getMessage() for record in caplog.records] == [
        f"{given!r} is no number of trusted proxies: no header is believed"
    ]
