"""docs/rules.md and docs/presets.md: their examples are blueprints that the API takes, tests of rules and all."""

import re
import textwrap
from pathlib import Path
from typing import Any

from tests.integration.api_calls import Api
from tocsin.http.yaml_body import read_document

DOCS = Path(__file__).parents[3] / "docs"


def examples(page: str) -> list[dict[str, Any]]:
    """What stands in the page's blocks of YAML; a list alone is one of policies."""
    text = (DOCS / page).read_text("utf-8")
    blocks = map(textwrap.dedent, re.findall(r"^ *```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE))
    return [
        read_document((f"policies:\n{block}" if block.startswith("-") else block).encode(), "application/yaml")
        for block in blocks
    ]


def blueprint(*parts: dict[str, Any]) -> dict[str, Any]:
    """The parts' entries together, with the groups and transports that they name."""
    kinds = {kind for part in parts for kind in part}
    whole = {kind: [entry for part in parts for entry in part.get(kind, [])] for kind in kinds}
    hook = {"mode": "webhook", "url": "https://hooks.example.com/x"}
    others = [{"name": name, **hook} for name in ("mail", "ops-hook", "sms")]
    groups = [{"name": name} for name in ("oncall", "contractors", "second-line", "heads")]
    return whole | {"groups": groups, "transports": [*whole.get("transports", []), *others]}


def test_the_rules_and_policies_of_the_page_on_rules(api: Api) -> None:
    rules, policies, places = examples("rules.md")

    answer = api("PUT", "/blueprint", blueprint(rules, policies, places))

    assert answer.status == 200, answer.text


def test_the_step_by_step_of_the_page_on_presets(api: Api) -> None:
    (step,) = [each for each in examples("presets.md") if "rules" in each]
    (transport,) = step["transports"]
    assert transport["options"] == {"routing_key": "${PAGERDUTY_KEY}"}  # what `tocsin apply --env` puts in

    answer = api(
        "PUT", "/blueprint", blueprint(step | {"transports": [transport | {"options": {"routing_key": "a" * 32}}]})
    )

    assert answer.status == 200, answer.text
