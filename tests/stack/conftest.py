"""The deployed stack: an emulator of its own, IAM enforced, up once for all tests of this directory, and once more
for those of the console where tests run in parallel.

It is what `make run` brings up (local/stack.py), on free ports and in a directory of its own, from the same
`sam build`, so that both can be up at once. All tests share one configuration, the sample blueprint and what
`additions` adds to it, for a changed one is only read by the matcher within seconds.

Name this directory where tests run in parallel (`pytest tests/unit tests/stack -n 2`, as `make test` does): only
then is this file read early enough to say how tests are shared out.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from local.api import TocsinApi
from local.samples import blueprint
from local.stack import LocalStack, local_stack
from local.switches import Switches
from local.workspace import Workspace
from tests.cli_process import Forks, Tocsin
from tests.token_issuer import AUDIENCE, CLIENT, Issuer, issuing

HERE = Path(__file__).parent
BROWSERS_FROM = "https://console.example.com"
BOT_TOKEN = "xoxb-1234567890-abcdefghijkl"  # of nobody
CLI_SECRET = "whsec_c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDQ="
SCHEDULE_SPEED = 4.0
"""What is done each minute is done each quarter of a minute: tests that wait for it wait less."""
CLOSED_PORT_URL = "http://127.0.0.1:9/webhook/closed"


@dataclass
class Step:
    """A step of bringing the stack up; nobody looks at its result."""

    result: str = ""


class Quiet:
    """Shows nothing of the steps: pytest shows what goes wrong."""

    @contextlib.contextmanager
    def step(self, _title: str) -> Iterator[Step]:
        yield Step()


def additions(sink_url: str) -> dict[str, list[dict]]:
    """Rules for tests of their own: each fires on events of the app that it is named after."""
    apps = {
        "flaky": ["flaky"],
        "closed": ["closed"],
        "large": ["everywhere-hook", "everywhere-slack", "mail", "inbox"],
        "crash": ["crash", "inbox"],
        "throttled": ["crash", "inbox"],
        "signed": ["pager"],
        "cli": ["cli"],
        "escalating": ["inbox"],
    }
    escalate = [{"after": "hours=1", "destination_group": "identity"}]
    return {
        "transports": [
            {"name": "flaky", "mode": "webhook", "url": f"{sink_url}/webhook/flaky"},
            {"name": "closed", "mode": "webhook", "url": CLOSED_PORT_URL},
            {"name": "crash", "mode": "webhook", "url": f"{sink_url}/webhook/crash"},
            {"name": "everywhere-hook", "mode": "webhook", "url": f"{sink_url}/webhook/everywhere"},
            {"name": "everywhere-slack", "mode": "webhook_slack", "url": f"{sink_url}/slack/everywhere"},
            {
                "name": "by-bot",
                "mode": "webhook_slack",
                "url": f"{sink_url}/api",
                "channel": "#ops",
                "bot_token": BOT_TOKEN,
            },
            {"name": "cli", "mode": "webhook", "url": f"{sink_url}/webhook/cli", "secret": CLI_SECRET},
        ],
        "policies": [{"name": f"app-{app}", "kind": "event_matcher", "app": app} for app in apps],
        "rules": [
            {
                "name": app,
                "severity": "alert",
                "transports": transports,
                "destination_group": "identity",
                "bindings": [{"policy": f"app-{app}"}],
                "escalate": escalate if app == "escalating" else [],
            }
            for app, transports in apps.items()
        ],
        "keys": [
            {"name": "writer", "scopes": ["events:write"]},
            {"name": "reader", "scopes": ["events:read"]},
        ],
    }


class StackTogether(LoadScopeScheduling):
    """Gives the tests of this directory to one process, the console's to another, and each other file's to any.

    xdist's own means for this, `--dist loadgroup` and its mark, does nothing with pytest 9.2: xdist 3.8 writes the
    group to where pytest does not look any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/stack/"):
            return "console" if nodeid.startswith("tests/stack/console/") else "stack"
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> StackTogether:
    """One stack for all tests that use it, however many processes run them; in the order in which tests are named."""
    config.option.loadscopereorder = False
    return StackTogether(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Measure no coverage here: what these tests are about runs in processes of the emulator."""
    item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
def configuration() -> dict:
    """The configuration's document, once the stack is up; filled by `stack`."""
    return {}


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """The secrets of the configuration's keys by their names; filled by `stack`."""
    return {}


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """The issuer of access tokens that the stack is deployed with."""
    with issuing() as up:
        yield up


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, configuration: dict, keys: dict[str, str], issuer: Issuer
) -> Iterator[LocalStack]:
    """The stack: `stack.facts` (as .local/stack.json), `stack.aws` (boto3 clients), `stack.api(key)`, `stack.sinks`,
    `stack.emulator` (mail, faults, the functions' processes), `stack.deployed` (outputs, tables)."""
    switches = replace(Switches.from_environment(), schedule_speed=SCHEDULE_SPEED)
    more = {"OidcIssuer": issuer.url, "OidcAudience": AUDIENCE, "OidcClientId": CLIENT, "CorsOrigins": BROWSERS_FROM}
    with local_stack(Workspace(tmp_path_factory.mktemp("stack")), Quiet(), parameters=more, switches=switches) as up:
        document = yaml.safe_load(blueprint(up.sinks.url))
        document["settings"]["group_scopes"] = [{"group": "auditors", "scopes": ["events:read"]}]
        for kind, more in additions(up.sinks.url).items():
            document[kind] += more
        configuration.update(document)
        answer = up.api().put_blueprint(yaml.safe_dump(document))
        keys.update({key["name"]: key["key"] for key in answer["created"]["keys"]})
        yield up


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Runs command lines."""
    with Forks.started() as running:
        yield running


@pytest.fixture
def tocsin(stack: LocalStack, tmp_path: Path, forks: Forks) -> Tocsin:
    """The command line, with the stack's admin key and AWS."""
    facts = stack.facts
    keys = {"TOCSIN_URL": facts.api_url, "TOCSIN_KEY": facts.admin_key, "TOCSIN_STACK": facts.stack_name}
    return Tocsin(tmp_path, keys | stack.aws.environment(), forks)


@pytest.fixture
def api(stack: LocalStack) -> TocsinApi:
    """Tocsin's API, asked with the admin key."""
    return stack.api()


@pytest.fixture(autouse=True)
def sinks_behave(stack: LocalStack) -> Iterator[None]:
    """Lets no test leave the sinks misbehaving to the next."""
    yield
    stack.sinks.behave()
