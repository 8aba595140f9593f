"""SQS's StartMessageMoveTask for the emulator, which lacks it: dead letters go back to the queue that they came from.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from ministack.services import sqs  # type: ignore[import-untyped]

ACTION = "StartMessageMoveTask"


def start_message_move_task(request: dict[str, Any], _queue_url: str) -> dict[str, str]:
    """Move all messages of SourceArn at once; to DestinationArn, else to the queue whose dead letters they are."""
    source_arn = request["SourceArn"]
    source = sqs._queue_by_arn(source_arn)
    destination = sqs._queue_by_arn(request["DestinationArn"]) if "DestinationArn" in request else _origin(source_arn)
    if source is None or destination is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn does not exist.")
    now = time.time()
    for message in source["messages"]:
        destination["messages"].append(message | {"receipt_handle": None, "receive_count": 0, "visible_at": now})
    source["messages"] = []
    sqs.esm_wake.set()
    return {"TaskHandle": base64.b64encode(json.dumps({"sourceArn": source_arn}).encode()).decode()}


def _origin(source_arn: str) -> dict[str, Any] | None:
    """The first queue that has this one as its dead letters."""
    for queue in sqs._queues.values():
        policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
        if policy.get("deadLetterTargetArn") == source_arn:
            found: dict[str, Any] = queue
            return found
    return None
