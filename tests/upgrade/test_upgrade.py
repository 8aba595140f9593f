"""An earlier release is deployed on the emulator and filled, then this one over it: nothing is lost or replaced.

`make upgrade` runs it: it builds both, which takes minutes.
"""

import contextlib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import yaml

from local.aws import EmulatedAws
from local.deploy import STACK_NAME, Deployed, build, deploy, sam_environment
from local.emulator import Emulator
from local.processes import architecture, child_environment, free_port, run_logged, tail
from local.samples import blueprint
from local.waiting import until
from local.workspace import ROOT, Workspace

EARLIER = "6fb5ff4"
"""The last commit before the changes that docs/upgrade.md tells of."""
HOLDS_DATA = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SecretsManager::Secret", "AWS::ApiGatewayV2::Api")
SINK = "http://127.0.0.1:9"  # nobody listens there, so that deliveries wait for their next attempt
EVENTS = 40
ADDRESS = "203.0.113.7"
PARAMETERS = {
    "AllowHttp": "true",
    "AllowedCidrs": "127.0.0.0/8",
    "AllowedPorts": "*",
    "AuthorizerCacheSeconds": "0",
    "MailSender": "tocsin@example.com",
}

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier release's files."""
    directory = tmp_path_factory.mktemp("earlier")
    packed = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    return directory


@contextlib.contextmanager
def emulator(workspace: Workspace) -> Iterator[Emulator]:
    """An emulator of its own."""
    with Emulator.started(free_port(), log=workspace.emulator_log, scratch=workspace.scratch) as up:
        yield up


def deploy_earlier(release: Path, up: Emulator, workspace: Workspace) -> None:
    """`sam build` and `sam deploy`, as that release's own local stack does it."""
    home = workspace.directory / "earlier"
    home.mkdir()
    environment = child_environment(
        **sam_environment(home),
        **up.aws.environment(),
        TOCSIN_ARCHITECTURE=architecture(),
        COLUMNS="160",
    )
    parameters = {"Architecture": architecture(), **PARAMETERS}
    overrides = ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    config = ["--config-env", "local", "--config-file", str(release / "samconfig.toml")]
    commands = [
        ["build", "--template-file", str(release / "template.yaml"), "--build-dir", str(home / "build")],
        ["deploy", "--template-file", str(home / "build/template.yaml"), "--stack-name", STACK_NAME],
    ]
    commands[0] += ["--cache-dir", str(home / "cache")]
    for command in commands:
        log = workspace.deploy_log
        assert run_logged(["sam", *command, *config, *overrides], log, environment=environment) == 0, tail(log)


def resources(aws: EmulatedAws) -> dict[str, tuple[str, str]]:
    """{logical id: (type, physical id)} of what holds data."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] in HOLDS_DATA
    }


def indexes(aws: EmulatedAws, table: str) -> dict[str, str]:
    """The indexes of a table by their names: their keys, and what they hold. The table's own keys are "table"."""
    described = aws.dynamodb.describe_table(TableName=table)["Table"]
    found = {each["IndexName"]: each for each in described.get("GlobalSecondaryIndexes", ())}
    return {"table": repr(described["KeySchema"])} | {
        name: repr((each["KeySchema"], each["Projection"])) for name, each in found.items()
    }


def items(aws: EmulatedAws, table: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The items of a table by their keys."""
    pages = aws.dynamodb.get_paginator("scan").paginate(TableName=table)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


class Api:
    """The deployed API."""

    def __init__(self, up: Emulator) -> None:
        stack = up.aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        secret = up.aws.secretsmanager.get_secret_value(SecretId=outputs["AdminKeySecretArn"])
        self.url = up.api_url(outputs["HttpApiId"])
        self.key = secret["SecretString"]

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=30, **options)


def fill(api: Api, release: Path) -> set[str]:
    """Configure people, rules and transports by the sample of that release itself, and post events; their ids."""
    document = blueprint(SINK, release / "local/blueprint.yaml")
    answer = api.ask("PUT", "/blueprint", data=document.encode(), headers={"Content-Type": "application/yaml"})
    assert answer.ok, answer.text
    return post(api, EVENTS)


def post(api: Api, count: int) -> set[str]:
    """Post events that a rule of the sample tells people of; their ids."""
    batch = [
        {"action": "login_failed", "app": "shop", "user": {"username": f"user-{n}", "pk": 7}, "client_ip": ADDRESS}
        for n in range(count)
    ]
    answer = api.ask("POST", "/events", json=batch)
    assert answer.ok, answer.text
    return {result["id"] for result in answer.json()["results"]}


def told(api: Api, event: str) -> list[Any]:
    """What the story of an event says of the rules that told somebody of it."""
    rules: list[Any] = api.ask("GET", f"/events/{event}/deliveries").json()["rules"]
    return rules


def test_an_upgrade_loses_nothing_and_replaces_nothing_that_holds_data(
    earlier: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("upgrade"))
    with emulator(workspace) as up:
        deploy_earlier(earlier, up, workspace)
        before, api = resources(up.aws), Api(up)
        posted = fill(api, earlier)
        until(lambda: all(told(api, event) for event in posted), 180, of="what was told before the upgrade")
        configured = named(api.ask("GET", "/blueprint").text)
        tables = {name: physical for name, (kind, physical) in before.items() if kind == "AWS::DynamoDB::Table"}
        held = {name: items(up.aws, physical) for name, physical in tables.items()}

        indexed = {name: indexes(up.aws, physical) for name, physical in tables.items()}

        deployed = upgraded(up, workspace)

        after = resources(up.aws)
        print(f"{len(before)} resources that hold data, {sum(map(len, held.values()))} items, {len(posted)} events")
        assert {name: after.get(name) for name in before} == before
        assert deployed.admin_key == api.key
        for name, physical in tables.items():
            now = items(up.aws, physical)
            missing = held[name].keys() - now.keys()
            # what waits for a moment, or is a lock, may be gone by then
            assert not [key for key in missing if not key[0].startswith(("rollup#due", "breakers", "version"))]
            if name == "EventsTable":
                logged = {key: item for key, item in held[name].items() if key[0].startswith("event#")}
                assert {key: now.get(key) for key in logged} == logged
            # DynamoDB makes or drops one index of a table with an update, and no update changes a key
            changed = {each for each, _ in indexes(up.aws, physical).items() ^ indexed[name].items()}
            assert len(changed - {"table"}) <= 1 and "table" not in changed, (name, changed)
        found = {event for event in posted if api.ask("GET", f"/events/{event}").status_code == 200}
        assert found == posted
        for asked in (f"client_ip={ADDRESS}", "user_pk=7", "app=shop&action=login_failed"):
            assert listed(api, asked) == posted, asked
        assert named(api.ask("GET", "/blueprint").text).items() >= configured.items()
        assert all(told(api, event) for event in posted)
        (new,) = post(api, 1)
        until(lambda: told(api, new), 180, of="what the rules of before tell of a new event")


def listed(api: Api, asked: str) -> set[str]:
    """The ids of the events that a search finds, of all its pages."""
    found: set[str] = set()
    cursor = ""
    while True:
        page = api.ask("GET", f"/events?limit=100&{asked}{cursor}").json()
        found |= {event["id"] for event in page["items"]}
        if not page["cursor"]:
            return found
        cursor = f"&cursor={quote(page['cursor'])}"


def upgraded(up: Emulator, workspace: Workspace) -> Deployed:
    """This release, over the earlier one."""
    directory = workspace.directory / "now"
    directory.mkdir()
    build(workspace, directory=directory)
    return deploy(up, workspace, directory=directory)


def named(document: str) -> dict[str, list[str]]:
    """The names of a blueprint's entries, by kind."""
    return {
        kind: sorted(each["name"] for each in entries)
        for kind, entries in yaml.safe_load(document).items()
        if isinstance(entries, list) and all("name" in each for each in entries)
    }
