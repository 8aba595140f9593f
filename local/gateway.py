"""The emulator's own process: ministack, made to end with its parent and to fail on demand.

Run as `python -m local.gateway` by local/emulator.py, with ministack's settings in the environment and a pipe
as standard input that the parent holds open.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from ministack import app as ministack  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

from local.faults import FaultInjector
from local.streams import retry_failed_stream_records


def end_with_parent() -> None:
    """Ends this process and the functions' processes once standard input does: the parent closed it, or died.

    By SIGKILL, to the whole process group: nothing here is worth saving, and nothing may stay.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def main() -> None:
    """Serves the emulator until the parent goes."""
    end_with_parent()
    ministack.app = FaultInjector(ministack.app)
    lambda_svc._execute_function = retry_failed_stream_records(lambda_svc._execute_function)
    sys.argv[1:] = []
    ministack.main()


if __name__ == "__main__":
    main()
