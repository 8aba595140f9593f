"""The layer of GeoIP databases: optional, a version, and the ingest function's alone."""

import re

import pytest

from tests.template.resources import FUNCTIONS, TEMPLATE


def test_the_layer_of_geoip_databases_goes_to_ingest_alone() -> None:
    layered = [name for name, each in FUNCTIONS.items() if "GeoLayerArn" in str(each.get("Layers"))]

    assert layered == ["IngestFunction"]
    assert FUNCTIONS["IngestFunction"]["Layers"] == [
        {"Fn::If": ["HasGeoLayer", {"Ref": "GeoLayerArn"}, {"Ref": "AWS::NoValue"}]}
    ]


def test_where_the_databases_are_is_said_only_where_there_is_a_layer() -> None:
    variable = FUNCTIONS["IngestFunction"]["Environment"]["Variables"]["GEO_DIRECTORY"]

    assert variable == {"Fn::If": ["HasGeoLayer", "/opt/geo", ""]}
    assert TEMPLATE["Parameters"]["GeoLayerArn"]["Default"] == ""


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("", True),
        ("arn:aws:lambda:eu-central-1:123456789012:layer:tocsin-geo:7", True),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:geo_db:12", True),
        ("arn:aws:lambda:eu-central-1:123456789012:layer:tocsin-geo", False),  # all versions: a function has one
        ("arn:aws:lambda:eu-central-1:123456789012:function:tocsin-geo:7", False),
        ("tocsin-geo", False),
    ],
)
def test_the_layer_of_geoip_databases_is_a_version_of_a_layer(arn: str, taken: bool) -> None:
    pattern = TEMPLATE["Parameters"]["GeoLayerArn"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, arn)) is taken
