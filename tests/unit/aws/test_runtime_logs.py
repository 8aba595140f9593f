"""What a function's log has of libraries, where Lambda's runtime sets logging up as the template says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.workspace import ROOT
from tests.expanded_template import expanded_template

LOGGING = expanded_template()["Globals"]["Function"]["LoggingConfig"]

SCRIPT = """
import logging, sys
from awslambdaric import bootstrap

class Sink:
    def log(self, line, frame_type=None):
        sys.stdout.write(line)

bootstrap._GLOBAL_AWS_REQUEST_ID = "r1"
bootstrap._setup_logging(bootstrap._AWS_LAMBDA_LOG_FORMAT, bootstrap._AWS_LAMBDA_LOG_LEVEL, Sink())

from moto import mock_aws
from tocsin.aws import clients
from tocsin.aws.logging import Code, logger, note

with mock_aws():
    client = clients.secretsmanager()
    client.create_secret(Name="admin", SecretString="that nobody may read")
    client.get_secret_value(SecretId="admin")
note(Code.KEY_ACCEPTED, "ours", level=logging.DEBUG)
logging.getLogger("botocore.retries").warning("theirs")
"""


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The log of a function that reads a secret, with LogLevel=DEBUG; set up by the runtime's own code."""
    variables = {
        "AWS_LAMBDA_LOG_FORMAT": LOGGING["LogFormat"],
        "AWS_LAMBDA_LOG_LEVEL": LOGGING["ApplicationLogLevel"],
        "LAMBDA_TASK_ROOT": "/var/task",
        "LOG_LEVEL": "DEBUG",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session-token",
        "PYTHONPATH": "layers/core",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("secret", ["that nobody may read", "session-token"])
def test_what_aws_is_asked_and_answers_is_not_logged(lines: list[str], secret: str) -> None:
    assert not [line for line in lines if secret in line]


def test_our_own_lines_and_what_libraries_warn_of_are_logged_and_nothing_else(lines: list[str]) -> None:
    assert [json.loads(line)["message"] for line in lines] == ["ours", "theirs"]


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/app.py")), ids=lambda path: path.parent.name)
def test_a_function_that_makes_clients_has_this_log(path: Path) -> None:
    source = path.read_text("utf-8")

    if re.search(r"\bclients\b|services_of", source):
        assert "from tocsin.aws.logging import" in source
