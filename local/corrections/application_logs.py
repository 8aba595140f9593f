"""A function's LoggingConfig as its process sees it: what Lambda's runtime for Python has loggers write.

The emulator keeps LoggingConfig and does nothing with it, so that libraries' lines are missing from its logs: with
ApplicationLogLevel DEBUG, botocore tells of each call, with its body and its answer.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html: "behind the scenes Lambda sets the application log
level in the runtime using the AWS_LAMBDA_LOG_LEVEL environment variable. Lambda also sets your function's log format
using the AWS_LAMBDA_LOG_FORMAT environment variable."
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, Protocol

_SET_UP = Path(__file__).with_name("runtime_logging.py")

type Configuration = Mapping[str, Any]


class Worker(Protocol):
    """A function's process, as the emulator has it, with the function's configuration."""

    config: Configuration


def started_with_its_log_level[W: Worker, **P, T](
    spawn: Callable[Concatenate[W, P], T],
) -> Callable[Concatenate[W, P], T]:
    """Makes a worker's process have the variables by which Lambda tells a runtime format and level."""

    def spawn_told(worker: W, /, *arguments: P.args, **options: P.kwargs) -> T:
        configured = worker.config
        worker.config = with_log_variables(configured)
        try:
            return spawn(worker, *arguments, **options)
        finally:
            worker.config = configured

    return spawn_told


def with_log_variables(configuration: Configuration) -> Configuration:
    """The configuration with variables of its LoggingConfig among its own. A format of text has no level."""
    logging = configuration.get("LoggingConfig") or {}
    if logging.get("LogFormat") != "JSON":
        return configuration
    environment = configuration.get("Environment") or {}
    told = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel") or "INFO"}
    variables = {**(environment.get("Variables") or {}), **told}
    return {**configuration, "Environment": {**environment, "Variables": variables}}


def with_the_runtimes_logging(worker_script: str) -> str:
    """The emulator's worker for Python, with logging set up as Lambda's runtime does."""
    return f"{_SET_UP.read_text(encoding='utf-8')}\n{worker_script}"
