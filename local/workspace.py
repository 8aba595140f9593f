"""Where the local stack keeps its files, all below .local/, and what keeps two of them apart."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local"


@dataclass(frozen=True, slots=True)
class Facts:
    """What others need to know of a stack that is up: .local/stack.json holds it while `make run` runs."""

    api_url: str  # the HTTP API, without a slash at its end, by a numeric host
    admin_key: str  # an API key with all scopes: `Authorization: Bearer <admin_key>`
    endpoint_url: str  # where AWS is, for AWS_ENDPOINT_URL
    stack_name: str
    sink_url: str  # the server that takes the webhooks and Slack posts (local/sinks.py)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of one local stack. Two that run at once differ in `name`."""

    directory: Path
    name: str = ""

    @property
    def facts(self) -> Path:
        """The file that says where the stack is."""
        return self.directory / f"stack{self.name}.json"

    @property
    def emulator_log(self) -> Path:
        """What the emulator and the functions in it printed."""
        return self.directory / f"emulator{self.name}.log"

    @property
    def functions_log(self) -> Path:
        """What the functions printed, gathered where something went wrong."""
        return self.directory / f"functions{self.name}.log"

    @property
    def build_log(self) -> Path:
        """What `sam build` printed."""
        return self.directory / f"build{self.name}.log"

    @property
    def deploy_log(self) -> Path:
        """What `sam deploy` printed."""
        return self.directory / f"deploy{self.name}.log"

    @property
    def scratch(self) -> Path:
        """The emulator's temporary directory: the unpacked functions, removed at the end."""
        return self.directory / f"emulator{self.name}"

    def write_facts(self, facts: Facts) -> None:
        """Writes the facts, readable by their owner only: they hold a key."""
        draft = self.facts.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(json.dumps(asdict(facts), indent=2) + "\n", encoding="utf-8")
        draft.replace(self.facts)


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    """Holds the lock file meanwhile; waits for whoever has it. The kernel frees it when its holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def claimed(directory: Path, port: int) -> Iterator[Workspace]:
    """The workspace of a run: the plain one, or where another run has it, one named after its port."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            workspace = Workspace(directory, f"-{port}")
        else:
            workspace = Workspace(directory)
        # One that was killed could not take its facts away.
        workspace.facts.unlink(missing_ok=True)
        try:
            yield workspace
        finally:
            workspace.facts.unlink(missing_ok=True)
