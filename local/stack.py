"""A whole local stack: emulator, sinks and the deployed application, up together and ended together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.api import TocsinApi, UnexpectedAnswerError
from local.aws import EmulatedAws
from local.deploy import Deployed, build, deploy
from local.emulator import Emulator
from local.processes import free_port, tail
from local.sinks import Sinks
from local.switches import Switches
from local.workspace import STATE, Facts, Workspace, exclusively

BUILD = STATE / "sam"


class Step(Protocol):
    """A step under way, of which a result can be told."""

    result: str


class Progress(Protocol):
    """Who is told of the steps."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Tells that a step is under way, then that it is done."""
        ...


@dataclass(frozen=True)
class LocalStack:
    """A stack that is up."""

    emulator: Emulator
    sinks: Sinks
    deployed: Deployed
    workspace: Workspace

    @property
    def facts(self) -> Facts:
        """What .local/stack.json says of it."""
        return Facts(
            api_url=self.deployed.api_url,
            admin_key=self.deployed.admin_key,
            endpoint_url=self.emulator.endpoint_url,
            stack_name=self.deployed.stack_name,
            sink_url=self.sinks.url,
        )

    @property
    def aws(self) -> EmulatedAws:
        """boto3 clients of the emulated AWS, as its root user."""
        return self.emulator.aws

    def api(self, key: str | None = None) -> TocsinApi:
        """Tocsin's API, asked with that key, or with the admin key."""
        return TocsinApi(self.deployed.api_url, key or self.deployed.admin_key)


@contextmanager
def local_stack(
    workspace: Workspace,
    progress: Progress,
    *,
    port: int = 0,
    build_directory: Path = BUILD,
    parameters: Mapping[str, str] | None = None,
    switches: Switches | None = None,
) -> Iterator[LocalStack]:
    """Brings up a stack of its own, and ends it; nothing of it outlives the block, or this process.

    `port` is where the emulator is wanted; 0, and any that is taken, gives a free one. `parameters` are further
    ones of the template, `switches` of the emulator (by default what the environment says). Raises EmulatorError
    and DeployError; an UnexpectedAnswerError in the block gets the end of the emulator's log as a note.
    """
    workspace.directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as ending:
        sinks = ending.enter_context(Sinks.started())
        with progress.step("start the emulator, IAM enforced") as step:
            emulator = ending.enter_context(
                Emulator.started(
                    free_port(port), log=workspace.emulator_log, scratch=workspace.scratch, switches=switches
                )
            )
            step.result = emulator.endpoint_url
        with exclusively(build_directory / "lock"):
            with progress.step("sam build") as step:
                built = build(workspace, directory=build_directory)
                step.result = "" if built else "unchanged"
            with progress.step("sam deploy") as step:
                resources: list[str] = []
                deployed = deploy(
                    emulator, workspace, directory=build_directory, parameters=parameters, on_resource=resources.append
                )
                step.result = f"{len(resources)} resources"
        try:
            yield LocalStack(emulator, sinks, deployed, workspace)
        except UnexpectedAnswerError as error:
            error.add_note(f"The end of the emulator's log:\n{tail(workspace.emulator_log)}")
            raise
