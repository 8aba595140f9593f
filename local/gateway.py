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
from ministack.core import iam_actions, lambda_runtime  # type: ignore[import-untyped]
from ministack.services import lambda_svc, sqs  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

from local import corrections, message_moves
from local.economy import BATCHES_AT_ONCE, SharedLayers, at_most
from local.faults import FaultInjector
from local.workspace import STATE


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
    lambda_svc._execute_function = corrections.retrying_failed_stream_records(lambda_svc._execute_function)
    iam_actions.extract_iam_action = corrections.authorized_as_on_aws(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = corrections.sent_from_an_identity(iam_actions.extract_resource_arn)
    provisioners._sm_secret_string = corrections.without_punctuation(provisioners._sm_secret_string)
    handlers, kind = provisioners._RESOURCE_HANDLERS, "AWS::SecretsManager::Secret"
    handlers[kind] = corrections.secret_by_arn(handlers[kind])
    kind = "AWS::ApiGatewayV2::Authorizer"
    handlers[kind] = corrections.without_an_identity_source(handlers[kind])
    kind = "AWS::ApiGatewayV2::Api"
    handlers[kind] = corrections.with_its_cors_configuration(handlers[kind])
    layers = SharedLayers(STATE / "layers", lambda_svc._resolve_layer_zip)
    layers.forget_unused()
    lambda_runtime.Worker._spawn = layers.spawning(lambda_runtime.Worker._spawn)
    lambda_svc._sqs_esm_concurrency = at_most(BATCHES_AT_ONCE, lambda_svc._sqs_esm_concurrency)
    sqs._HANDLERS[message_moves.ACTION] = message_moves.start_message_move_task
    sys.argv[1:] = []
    ministack.main()


if __name__ == "__main__":
    main()
