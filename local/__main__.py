"""The local stack's command line: `python -m local run [--once] [--deadline SECONDS]`."""

from __future__ import annotations

import argparse
import sys

from local.deploy import DeployError
from local.emulator import EmulatorError
from local.run import TROUBLE, run
from local.screen import Screen


def main() -> int:
    """Runs the command that the arguments name; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Tocsin on an emulated AWS")
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="bring it up, post the samples, show their deliveries, and stay")
    runs.add_argument("--once", action="store_true", help="end after the samples; status 0 if all came")
    runs.add_argument(*("--deadline",), type=float, default=90, metavar="SECONDS", help="how long deliveries may take")
    given = parser.parse_args()

    screen = Screen()
    try:
        return run(screen, once=given.once, deadline_s=given.deadline)
    except (DeployError, EmulatorError, *TROUBLE) as error:
        screen.failure(str(error))
        screen.say("Nothing was left running. `make clean` forgets earlier builds; `make setup` checks the tools.")
        return 1
    except KeyboardInterrupt:
        screen.say("interrupted; everything that was started has ended")
        return 130


if __name__ == "__main__":
    sys.exit(main())
