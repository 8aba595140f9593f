"""GitHub's workflows: what they may, and what they run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.workspace import ROOT
from tests.expanded_template import expanded_template

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_to_a_commit(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert used
    assert not [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_command_is_put_together_from_what_somebody_gave(workflow: Path) -> None:
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_a_deployment_has_a_token_to_exchange_and_no_key() -> None:
    text = (ROOT / ".github/workflows/deploy.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    assert "aws-access-key-id" not in text


def test_a_deployment_is_begun_by_a_person_and_never_cut_off() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))

    assert workflow[True].keys() == {"workflow_dispatch"}  # YAML reads `on` as true
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_a_deployment_has_time_for_the_slowest_rollout() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))["jobs"].values()
    credentials = next(step["with"] for step in job["steps"] if "role-to-assume" in step.get("with", {}))
    types = expanded_template()["Parameters"]["Rollout"]["AllowedValues"]
    steps_and_minutes = [re.fullmatch(r"(Canary|Linear)10Percent(?:Every)?(\d+)Minutes?", each) for each in types]
    slowest = max(int(found[2]) * (10 if found[1] == "Linear" else 1) for found in steps_and_minutes if found)

    assert slowest == 100
    assert job["timeout-minutes"] >= slowest + 60  # lint and build come first
    assert "vars.AWS_DEPLOY_SECONDS" in credentials["role-duration-seconds"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_make_target_that_is_run_is_there(workflow: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [target for step in steps(workflow) for target in re.findall(r"^make (\w+)", step.get("run", ""))]

    assert targets
    assert not [target for target in targets if f"\n{target}:" not in makefile]
