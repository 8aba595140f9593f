"""`python -m local.cloud deploy|undeploy ENV`, which `make deploy` and `make undeploy` call."""

from __future__ import annotations

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.build import BuildError
from local.cloud.deploy import deploy
from local.cloud.place import Place, PlaceError
from local.cloud.undeploy import undeploy


def main() -> int:
    """Run the command that the arguments name; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description="Tocsin in an AWS account")
    commands = parser.add_subparsers(dest="command", required=True)
    deploying = commands.add_parser("deploy", help="build and deploy")
    deploying.add_argument("place", help="a section of samconfig.toml")
    deploying.add_argument("--parameters", default="", metavar="'A=1 B=2'", help="parameters beside the section's")
    deploying.add_argument("--guided", action="store_true", help="sam asks for each parameter")
    deploying.add_argument("--yes", action="store_true", help="sam does not ask before it changes anything")
    deploying.add_argument("--unchecked", action="store_true", help="deploy although the account may lack something")
    undeploying = commands.add_parser("undeploy", help="delete the stack, and say what it leaves")
    undeploying.add_argument("place", help="a section of samconfig.toml")
    given = parser.parse_args()
    try:
        if given.command == "undeploy":
            place = Place.read(given.place)
            cloudformation = boto3.client("cloudformation", region_name=place.region)
            return undeploy(place, cloudformation, confirm=input, say=print)
        place = Place.read(given.place, given.parameters)
        return deploy(place, guided=given.guided, yes=given.yes, unchecked=given.unchecked)
    except (PlaceError, BuildError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
