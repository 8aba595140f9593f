"""docs/presets.md: every preset is there, and its example is one that a blueprint takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.notifications.presets.test_requests import DOCUMENTED
from tocsin.config.blueprint.model import Blueprint, TransportEntry
from tocsin.config.blueprint.validate import check
from tocsin.models import validated
from tocsin.notifications.presets import known_presets
from tocsin.outbound import OutboundPolicy

PAGE = (Path(__file__).parents[4] / "docs" / "presets.md").read_text()
EXAMPLES: dict[str, dict[str, Any]] = {
    transport["preset"]: transport
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.split("## Each of them")[1], re.DOTALL)
    for transport in yaml.safe_load(block)["transports"]
}


def test_the_table_has_all_presets_in_their_order() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == known_presets()


@pytest.mark.parametrize("name", known_presets())
def test_an_example_is_taken_once_its_secrets_are_filled_in(name: str) -> None:
    example, documented = EXAMPLES[name], DOCUMENTED[name]
    if "…" in example.get("url", ""):
        example = example | {"url": documented["url"]}
    options = example.get("options", {})
    filled = {
        option: documented["options"][option] if "…" in str(value) else value for option, value in options.items()
    }

    entry = validated(TransportEntry, example | ({"options": filled} if filled else {}))

    assert check(Blueprint(transports=(entry,)), OutboundPolicy.parse(ports="443,8088,9200")) == []
