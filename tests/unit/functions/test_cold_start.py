"""Cold starts: what a function loads before its first request, by name and by number, never by the clock."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.expanded_template import ROOT, expanded_template
from tests.geoip_databases import write_databases
from tocsin.config.defaults import DEFAULT

# What each function on the hot path must not load. Loading these costs 15 to 150 ms each, or means that a function
# does what is another's.
NEVER = (
    "moto",
    "rich",
    "pytest",
    "cel_expr_python",
    "aws_xray_sdk",
    "boto3",
    "s3transfer",
    "aws_lambda_powertools",
    "tocsin.config.defaults",
)
MUST_NOT_LOAD = {
    "authorizer": (
        "pydantic",
        "jinja2",
        "yaml",
        "requests",
        "jwt",
        "tocsin.identity.tokens",
        "tocsin.rules",
        "tocsin.notifications",
        "tocsin.config.blueprint",
    ),
    "ingest": (
        "jinja2",
        "yaml",
        "requests",
        "maxminddb",
        "tocsin.notifications.context",
        "tocsin.telling",
        "tocsin.config.blueprint",
        "tocsin.config.model",
        "tocsin.rules",
        "tocsin.patterns",
        "tocsin.expressions",
        "tocsin.matching.matcher",
    ),
    "matcher": (
        "pydantic",
        "tocsin.events.redact",
        "jinja2",
        "yaml",
        "requests",
        "tocsin.config.blueprint",
        "tocsin.outbound.client",
    ),
    "webhook": (
        "pydantic",
        "jinja2",
        "yaml",
        "tocsin.config.blueprint",
        "tocsin.matching.matcher",
        "tocsin.expressions",
    ),
    "slack": ("pydantic", "jinja2", "yaml", "tocsin.config.blueprint", "tocsin.matching.matcher", "tocsin.expressions"),
    "email": (
        "pydantic",
        "tocsin.events.redact",
        "yaml",
        "requests",
        "tocsin.config.blueprint",
        "tocsin.matching.matcher",
    ),
    "websocket": (
        "pydantic",
        "jinja2",
        "yaml",
        "requests",
        "tocsin.config.blueprint",
        "tocsin.matching.matcher",
        "tocsin.rules",
    ),
    "inbox": (
        "pydantic",
        "tocsin.events.redact",
        "jinja2",
        "yaml",
        "requests",
        "tocsin.config.blueprint",
        "tocsin.matching.matcher",
        "tocsin.expressions",
    ),
    "api": ("pydantic", "jinja2", "yaml", "requests"),
}

# Modules beyond what a client of DynamoDB loads, which every function has. What a function has now and a few: who needs
# more should see it here, and say why in the commit.
BUDGET = {
    "authorizer": 29,
    "ingest": 112,
    "matcher": 118,
    "webhook": 203,  # of both, five are simplejson: Lambda's runtime has it, and requests takes it where it is
    "slack": 211,
    "email": 106,
    "inbox": 86,
    "websocket": 57,
    "api": 402,
}

FUNCTIONS = [
    resource["Properties"]
    for resource in expanded_template()["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
]


def loaded(script: str, environment: dict[str, str]) -> set[str]:
    """The modules that a fresh interpreter has loaded after `script`."""
    known = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "layers/core")),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"],
        env=known | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def environment_of(function: str) -> dict[str, str]:
    """The variables that template.yaml gives a function."""
    (properties,) = [each for each in FUNCTIONS if each["CodeUri"] == f"functions/{function}/"]
    everybodys_names = expanded_template()["Globals"]["Function"]["Environment"]["Variables"].keys()
    names = properties["Environment"]["Variables"].keys() | everybodys_names
    return dict.fromkeys(names - {"OIDC_ISSUER"}, "https://sqs.eu-central-1.amazonaws.com/1/q") | {
        "ALLOW_HTTP": "false",
        "ALLOWED_PORTS": "443",
        "ALLOWED_CIDRS": "",
        "LOG_LEVEL": "INFO",
        "MAIL_PER_SECOND": "14",
        "WATCHED_QUEUES": "",
        "DEAD_LETTERS": "",
    }


@pytest.fixture(scope="module")
def everybodys() -> set[str]:
    """What every function loads, whatever it does."""
    return loaded("from tocsin.aws import clients\nclients.dynamodb()", {})


@pytest.mark.parametrize("function", MUST_NOT_LOAD)
def test_a_function_loads_what_it_uses_and_nothing_else(function: str, everybodys: set[str]) -> None:
    modules = loaded(f"import functions.{function}.app", environment_of(function))

    never = [name for name in NEVER if function != "api" or name != "aws_lambda_powertools"]
    assert not [name for name in (*never, *MUST_NOT_LOAD[function]) if name in modules]
    assert len(modules - everybodys) <= BUDGET[function]


_ENRICHING = """
import sys
from tocsin.events.redact import Secrets
from tocsin.events.model import Event
from tocsin.ingest.geoip import GeoIP
event = Event("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", "login", "shop", {{}}, {{}}, "203.0.113.7", "default", None)
GeoIP({directory!r}).enriched(event, Secrets())
"""


def test_maxminddb_is_loaded_where_there_are_databases_and_an_address_only(tmp_path: Path) -> None:
    databases = write_databases(tmp_path)

    without = loaded(_ENRICHING.format(directory=""), {})
    with_them = loaded(_ENRICHING.format(directory=str(databases)), {})

    assert ("maxminddb" in without, "maxminddb" in with_them) == (False, True)


def test_what_was_validated_is_read_without_pydantic() -> None:
    read = (
        "from tocsin.config.model import Configuration\n"
        "from tocsin.telling.preferences import Preferences\n"
        f"Configuration.from_bytes({DEFAULT.to_bytes()!r}).rules[0].bindings\n"
        "Preferences.stored({'digest': {'every': 'hour'}})\n"
    )

    assert "pydantic" not in loaded(read, {})


OFF_THE_HOT_PATH = {"jobs", "console", "feedback", "redrive", "rollup"}


def test_each_function_on_the_hot_path_has_a_budget() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}

    assert functions - OFF_THE_HOT_PATH == BUDGET.keys() == MUST_NOT_LOAD.keys()


def test_the_api_loads_pydantic_with_the_first_body_that_it_validates() -> None:
    built = (
        "import functions.api.app, sys\n"
        "from tocsin.jobs.export import ExportRequest\n"
        "from tocsin.models import accepted\n"
        "assert 'pydantic' not in sys.modules\n"
        "assert accepted(ExportRequest, {}).filters == {}\n"
    )

    assert "pydantic" in loaded(built, environment_of("api"))


@pytest.mark.parametrize("environment", [{}, {"AWS_LAMBDA_FUNCTION_NAME": "inbox"}], ids=["elsewhere", "in Lambda"])
def test_garbage_is_collected_but_while_a_function_in_lambda_loads(environment: dict[str, str]) -> None:
    looked = f"import gc, tocsin; assert gc.isenabled() is {not environment}\n"
    kept = f"(gc.get_freeze_count() > 10_000) is {bool(environment)}"
    ended = f"import functions.inbox.app; assert gc.isenabled(); assert {kept}"

    assert "functions.inbox.app" in loaded(looked + ended, environment_of("inbox") | environment)


@pytest.mark.parametrize("function", sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py")))
def test_each_function_ends_its_init(function: str) -> None:
    source = (ROOT / "functions" / function / "app.py").read_text("utf-8")

    assert "\n@logged\n" in source or "\ninit.finish()\n" in source
