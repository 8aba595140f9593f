"""`tocsin` as a process of its own, as a person or a script runs it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from local.waiting import until

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """What it wrote with `-o json`."""
        return json.loads(self.out)

    @property
    def lines(self):
        """What it wrote with `-o ndjson`."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Running:
    """A command that has not ended: `out` and `err` grow."""

    process: subprocess.Popen
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def interrupted(self) -> int:
        """Ends it as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=120)

    def ended(self) -> int:
        """Waits for its end; its exit code."""
        return self.process.wait(timeout=180)


class Forks:
    """Runs command lines, each in a process of its own (tests/cli_forks.py)."""

    def __init__(self, process: subprocess.Popen, patience_s: int) -> None:
        self._process = process
        self._patience_s = patience_s
        self._one = threading.Lock()

    @classmethod
    @contextmanager
    def started(cls, patience_s: int = 120) -> Iterator[Self]:
        """They end with the block; a command line that takes longer than `patience_s` is ended by SIGALRM."""
        variables = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'cli'}"}
        command = [sys.executable, "-m", "tests.cli_forks"]
        with subprocess.Popen(
            command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            yield cls(process, patience_s)
            process.stdin.close()

    def run(self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], stdin: str) -> Ran:
        """Run one to its end."""
        with TemporaryDirectory() as scratch:
            files = [Path(scratch) / name for name in ("in", "out", "err")]
            for file, content in zip(files, (stdin, "", ""), strict=True):
                file.write_text(content, encoding="utf-8")
            task = {
                "arguments": arguments,
                "directory": str(directory),
                "environment": environment,
                "files": [str(file) for file in files],
                "patience_s": self._patience_s,
            }
            with self._one:
                self._process.stdin.write(json.dumps(task) + "\n")
                self._process.stdin.flush()
                code = int(self._process.stdout.readline())
            return Ran(code, *(file.read_text(encoding="utf-8") for file in files[1:]))


class Tocsin:
    """The command line with its variables, in a directory of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str], forks: Forks) -> None:
        self.directory = directory
        self._forks = forks
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "PYTHONPATH": str(ROOT / "cli"),
            "LANG": "C.UTF-8",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **environment,
        }

    def __call__(self, *arguments: str, code: int = 0, stdin: str | None = None, **environment: str) -> Ran:
        """Runs it to its end; fails the test where the exit code is another one."""
        ran = self._forks.run(arguments, self.directory, self.environment | environment, stdin or "")
        assert ran.code == code, f"tocsin {' '.join(arguments)}: {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    @contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator[Running]:
        """Runs it until the block ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin_cli", *arguments],
            cwd=self.directory,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        readers = [
            threading.Thread(
                target=lambda stream, lines: lines.extend(iter(stream.readline, "")), args=pair, daemon=True
            )
            for pair in ((process.stdout, running.out), (process.stderr, running.err))
        ]
        for reader in readers:
            reader.start()
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            for reader in readers:
                reader.join()
            process.stdout.close()
            process.stderr.close()

    def written(self, name: str, content: str) -> str:
        """Writes a file into its directory; the file's name."""
        (self.directory / name).write_text(content, encoding="utf-8")
        return name


def line_with(lines: list[str], text: str, deadline_s: float = 30) -> str:
    """The first line that holds a text, as soon as it is there."""
    return until(lambda: next((line for line in lines if text in line), None), deadline_s, of=f"a line with {text!r}")
