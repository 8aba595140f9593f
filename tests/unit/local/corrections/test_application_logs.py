"""What a function's process writes, by its LoggingConfig."""

import json
import os
import subprocess
import sys

import pytest

from local.corrections.application_logs import (
    started_with_its_log_level,
    with_log_variables,
    with_the_runtimes_logging,
)

# What a worker of the emulator does: it has the function's variables, and runs its code.
WORKER = """
import logging
logging.getLogger("library").debug("all that it does")
logging.getLogger("library").info("what it found")
logging.getLogger("library").warning("what is wrong")
"""


class Worker:
    """A worker, as the emulator has it; spawning gives what its process writes."""

    def __init__(self, config):
        self.config = config

    @started_with_its_log_level
    def spawn(self):
        variables = (self.config.get("Environment") or {}).get("Variables") or {}
        script = with_the_runtimes_logging(WORKER)
        done = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **variables}, capture_output=True, text=True, check=True
        )
        return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("TRACE", ["all that it does", "what it found", "what is wrong"]),
        ("DEBUG", ["all that it does", "what it found", "what is wrong"]),
        (None, ["what it found", "what is wrong"]),
        ("WARN", ["what is wrong"]),
        ("FATAL", []),
    ],
)
def test_libraries_write_from_the_functions_level_on(level, written):
    configured = {"LogFormat": "JSON"} | ({} if level is None else {"ApplicationLogLevel": level})
    worker = Worker({"LoggingConfig": configured, "Environment": {"Variables": {"OWN": "1"}}})

    lines = worker.spawn()

    assert [json.loads(line)["message"] for line in lines] == written
    assert worker.config["Environment"] == {"Variables": {"OWN": "1"}}


def test_a_log_of_text_has_no_level():
    assert Worker({"LoggingConfig": {"LogFormat": "Text"}}).spawn() == ["what is wrong"]


def test_the_functions_own_variables_stay():
    told = with_log_variables({"LoggingConfig": {"LogFormat": "JSON"}, "Environment": {"Variables": {"OWN": "1"}}})

    assert told["Environment"]["Variables"] == {
        "OWN": "1",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
    }
