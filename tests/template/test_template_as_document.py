"""template.yaml is a document that is read from top to bottom: docs/decisions/0050-the-template-says-things-once.md."""

import json
import re

from tests.expanded_template import ROOT, expanded_template

LINES = (ROOT / "template.yaml").read_text("utf-8").splitlines()
MOST_LINES = 1200
WIDTH = 120


def test_the_template_is_short_enough_to_be_read() -> None:
    assert len(LINES) <= MOST_LINES


def test_no_line_is_too_wide_to_be_read() -> None:
    wide = [number for number, line in enumerate(LINES, 1) if len(line) > WIDTH]

    assert not wide


def test_each_anchor_is_used_and_stands_once() -> None:
    text = "\n".join(line.partition(" # ")[0] for line in LINES if not line.lstrip().startswith("#"))
    marked = re.findall(r"(?<=[\s\[{])&([a-z-]+)", text)
    used = set(re.findall(r"(?<=[\s\[{])\*([a-z-]+)", text))

    assert len(set(marked)) == len(marked)
    assert set(marked) == used


def test_the_dashboards_body_is_json() -> None:
    body, texts = expanded_template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, text in texts.items():
        body = body.replace(f"${{{name}}}", text["Fn::Sub"])

    widgets = json.loads(body)["widgets"]

    assert {each["properties"]["title"] for each in widgets if each["type"] == "log"} == {
        *("Deliveries that failed", "Rules that fired", "Warnings and errors")
    }
    # nothing stands on top of another
    cells = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _y in cells) < 24
