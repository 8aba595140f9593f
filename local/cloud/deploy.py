"""Build and deploy to an AWS account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3

from local.cloud.build import build
from local.cloud.place import Place, deployed, stack_of
from local.cloud.preflight import Level, Preflight, reserved_by
from local.sam_parameters import overrides
from local.workspace import ROOT


def deploy(place: Place, *, guided: bool, yes: bool, unchecked: bool) -> int:
    """Check the account, build, and deploy to `place`; sam's exit status, 1 where the account lacks something.

    `unchecked` deploys all the same.

    Raises BuildError where what was built can't be deployed, botocore's errors where the account can't be asked.
    """
    session = boto3.Session(region_name=place.region)
    stack = stack_of(session.client("cloudformation"), place.stack_name)
    parameters = place.parameters(stack)
    found = preflight(session, reserved_by(deployed(stack))).findings(parameters)
    print(*found, sep="\n")
    if any(each.level is Level.FAILED for each in found) and not unchecked:
        print("Nothing was changed. UNCHECKED=1 deploys all the same.", file=sys.stderr)
        return 1
    built = build(parameters["Architecture"], parameters["Rollout"], {"SAM_CLI_TELEMETRY": "0"})
    options = [*(["--guided"] if guided else []), *(["--no-confirm-changeset"] if yes else [])]
    return _sam_deploy(place, built, parameters["Architecture"], options)


def preflight(session: boto3.Session, reserved: int = 0) -> Preflight:
    """The checks of the session's account and region, where the stack has so much concurrency reserved already."""
    region = session.region_name
    partition = session.get_partition_for_region(region)
    has_ses = region in session.get_available_regions("sesv2", partition_name=partition)
    return Preflight(
        session.client("sesv2") if has_ses else None,
        session.client("lambda"),
        session.client("apigateway"),
        region,
        reserved,
    )


def _sam_deploy(place: Place, built: Path, architecture: str, options: list[str]) -> int:
    parameters = {**place.overrides, "Architecture": architecture}
    command = [
        *(str(Path(sys.executable).with_name("sam")), "deploy", "--config-env", place.name),
        *("--config-file", str(ROOT / "samconfig.toml"), "--template-file", str(built / "template.yaml")),
        *("--parameter-overrides", *overrides(parameters)),
        *options,
    ]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False).returncode
