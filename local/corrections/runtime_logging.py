"""Sets up a process's logging as Lambda's runtime for Python does where the function's log format is JSON.

The source of this file is put before the emulator's worker for Python. All loggers then write what the function's
ApplicationLogLevel lets through, libraries' too, which elsewhere write warnings alone.
https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py (_setup_logging)
"""

import json
import logging
import os
import sys


def set_up_runtime_logging() -> None:
    """Has the root logger write JSON to standard error, which is the emulator's log, from the function's level on."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON":
        return

    class Line(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            said = {"timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"), "level": record.levelname}
            said |= {"message": record.getMessage(), "logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                said["errorType"] = record.exc_info[0].__name__
            return json.dumps(said, default=str)

    written = logging.StreamHandler(sys.stderr)
    written.setFormatter(Line())
    logging.getLogger().addHandler(written)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
    logging.getLogger().setLevel("DEBUG" if level == "TRACE" else level)


if __name__ == "__main__":
    set_up_runtime_logging()
