"""Parameters as sam reads them from its command line."""

import pytest
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

from local.sam_parameters import overrides


@pytest.mark.parametrize(
    "value",
    [
        "",
        "443",
        "443, 8443",
        "10.0.0.0/8, 192.168.0.0/16",
        "https://login.example.com/?a=b",
        "realm_access.roles",
        'say "yes"',
        "it's",
    ],
)
def test_a_value_arrives_as_it_is(value: str) -> None:
    given = tuple(overrides({"LogLevel": "INFO", "Given": value}))

    read = CfnParameterOverridesType().convert(given, None, None)

    assert read == {"LogLevel": "INFO", "Given": value}
