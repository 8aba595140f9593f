"""`tocsin` as a process of its own, as a person or a script runs it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

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


class Tocsin:
    """The command line with its variables, in a directory of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
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
        ended = subprocess.run(
            [sys.executable, "-m", "tocsin_cli", *arguments],
            cwd=self.directory,
            env=self.environment | environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        ran = Ran(ended.returncode, ended.stdout, ended.stderr)
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
