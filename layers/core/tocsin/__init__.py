"""Tocsin: a serverless audit-event log with rules and notifications. Everything that functions share."""

import gc
import os

__version__ = "0.1.0"  # written by `make release`; a test holds it to pyproject.toml

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # pragma: no cover - tests of cold starts, in processes of their own
    gc.disable()  # until tocsin.aws.init.finish: what an init makes stays, so looking for garbage in it finds none
