"""Command lines that are forked (tests/cli_forks.py) end as those that begin with nothing."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_process import Forks
from tocsin_cli.errors import ExitCode


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks.started(patience_s=2) as running:
        yield running


def test_a_command_line_that_does_not_end_is_ended(forks: Forks, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        ran = forks.run(["events"], tmp_path, {"TOCSIN_URL": url, "TOCSIN_KEY": "key", "HOME": str(tmp_path)}, "")

    assert ran.code == -signal.SIGALRM


def test_one_ends_with_its_own_exit_code_and_words(forks: Forks, tmp_path: Path) -> None:
    ran = forks.run(["events"], tmp_path, {"HOME": str(tmp_path)}, "")

    assert ran.code == ExitCode.USAGE
    assert ran.out == ""
    assert ran.err.startswith("error: which Tocsin?")
