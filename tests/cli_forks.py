"""Runs `tocsin` command lines, each in a process of its own that is forked from this one, which has loaded them all.

Half a second of each process is loading what another has just loaded; tests run over a hundred. Reads a line of
JSON for each from standard input, {"arguments": [...], "directory", "environment": {...}, "files": [standard input,
output, error], "patience_s"}, and writes its exit code. The program as it is installed, in a process that began with
nothing, is what tests/unit/cli/test_program.py runs.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys

import boto3
import requests
import rich.progress
import rich.table
import yaml

import tocsin_cli
from tocsin_cli.main import main

LOADED = (boto3, requests, rich, yaml)
"""What commands load with their first use."""


def load() -> None:
    """Load all modules of the command line."""
    for module in pkgutil.walk_packages(tocsin_cli.__path__, "tocsin_cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def become(task: dict) -> None:
    """Be the process of that command line, to its end."""
    signal.alarm(task["patience_s"])
    os.chdir(task["directory"])
    os.environ.clear()
    os.environ.update(task["environment"])
    given, out, err = task["files"]
    for number, (name, flags) in enumerate([(given, os.O_RDONLY), (out, os.O_WRONLY), (err, os.O_WRONLY)]):
        opened = os.open(name, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - what the parent read of its own is left
    code = 1
    try:
        code = main(task["arguments"])
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Run what is asked for, one after another, until standard input ends."""
    load()
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in asked:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    serve()
