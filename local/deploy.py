"""`sam build` and `sam deploy`, the ones that go to AWS, pointed at the emulator.

Built into .local/sam rather than .aws-sam: a build for this machine's architecture must not be what a later
`sam deploy` sends to AWS. What was built is kept as long as its sources stay the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.emulator import Emulator
from local.processes import architecture, child_environment, run_logged, tail
from local.sam_parameters import overrides
from local.workspace import ROOT, Workspace

STACK_NAME = "tocsin-local"
MAIL_SENDER = "tocsin@example.com"

# Deployed so, webhooks may go to the servers of the local stack, and a changed key counts at once.
_PARAMETERS = {
    "AllowHttp": "true",
    "AllowedCidrs": "127.0.0.0/8",
    "AllowedPorts": "*",
    "MailSender": MAIL_SENDER,
    "AuthorizerCacheSeconds": "0",
}
_SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers")


class DeployError(RuntimeError):
    """The stack could not be built or deployed. The message holds the end of sam's output."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack, as far as its outputs tell."""

    stack_name: str
    api_url: str
    admin_key: str
    events_table: str
    config_table: str
    deliveries_table: str
    outputs: dict[str, str]


def build(workspace: Workspace, *, directory: Path) -> bool:
    """Builds functions and layers into `directory`; False where they are the same as last time.

    Raises DeployError where sam fails. Whoever calls this holds the directory's lock until he has deployed.
    """
    wanted = fingerprint()
    stamp = directory / "fingerprint"
    if stamp.exists() and stamp.read_text() == wanted and (directory / "build/template.yaml").exists():
        return False
    (directory / "libraries").mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    command = [
        *("sam", "build", "--config-env", "local"),
        *("--build-dir", str(directory / "build"), "--cache-dir", str(directory / "cache")),
        *("--parameter-overrides", f"Architecture={architecture()}"),
    ]
    environment = child_environment(
        **sam_environment(directory),
        # Read by layers/core/Makefile.
        TOCSIN_ARCHITECTURE=architecture(),
        TOCSIN_LAYER_CACHE=str(directory / "libraries"),
    )
    if run_logged(command, workspace.build_log, environment=environment) != 0:
        raise DeployError(f"sam build failed. The end of {workspace.build_log}:\n{tail(workspace.build_log)}")
    stamp.write_text(wanted)
    return True


def deploy(
    emulator: Emulator,
    workspace: Workspace,
    *,
    directory: Path,
    parameters: Mapping[str, str] | None = None,
    on_resource: Callable[[str], None] = lambda _name: None,
) -> Deployed:
    """Deploys what was built; calls `on_resource` with each resource's name once it is there.

    `parameters` are parameters of the template beside those that every local stack is given.

    Raises DeployError where sam fails.
    """
    given = {"Architecture": architecture(), **_PARAMETERS, **(parameters or {})}
    command = [
        *("sam", "deploy", "--config-env", "local", "--stack-name", STACK_NAME),
        # Looked for beside the template otherwise, and that is the built one.
        *("--config-file", str(ROOT / "samconfig.toml")),
        *("--template-file", str(directory / "build/template.yaml")),
        *("--parameter-overrides", *overrides(given)),
    ]
    environment = child_environment(**sam_environment(directory), **emulator.aws.environment(), COLUMNS="160")

    def follow(line: str) -> None:
        match line.split():
            case ["CREATE_COMPLETE", _type, name, *_]:
                on_resource(name)

    if run_logged(command, workspace.deploy_log, environment=environment, on_line=follow) != 0:
        raise DeployError(f"sam deploy failed. The end of {workspace.deploy_log}:\n{tail(workspace.deploy_log)}")
    # SES takes mail from verified senders only; the emulator verifies whom it is told.
    emulator.aws.sesv2.create_email_identity(EmailIdentity=MAIL_SENDER)
    return _read_outputs(emulator)


def fingerprint() -> str:
    """A digest of everything that a build is made from: sources, architecture and interpreter."""
    digest = hashlib.sha256(f"{architecture()} {sys.version}".encode())
    for path in _source_files():
        digest.update(f"\n{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for name in _SOURCES:
        source = ROOT / name
        if source.is_file():
            yield source
        yield from sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def sam_environment(directory: Path) -> dict[str, str]:
    """The environment that keeps sam from calling home: no telemetry, no weekly look for a newer version."""
    home = directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    settings = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (home / "metadata.json").write_text(json.dumps(settings), encoding="utf-8")
    return {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(home), "SAM_CLI_POLL_DELAY": "0.2"}


def _read_outputs(emulator: Emulator) -> Deployed:
    stack = emulator.aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    secret = emulator.aws.secretsmanager.get_secret_value(SecretId=outputs["AdminKeySecretArn"])
    # The API's id is the first label of its address: https://<id>.execute-api.<region>.amazonaws.com
    api_id = str(urlsplit(outputs["ApiUrl"]).hostname).split(".", 1)[0]
    return Deployed(
        stack_name=STACK_NAME,
        api_url=emulator.api_url(api_id),
        admin_key=secret["SecretString"],
        events_table=outputs["EventsTableName"],
        config_table=outputs["ConfigTableName"],
        deliveries_table=outputs["DeliveriesTableName"],
        outputs=outputs,
    )
