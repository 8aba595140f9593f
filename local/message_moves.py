"""SQS's StartMessageMoveTask for the emulator, which lacks it: dead letters go back to the queue that they came from.

"If this field (DestinationArn) is left blank, the messages will be redriven back to their respective original source
queues": SQS knows these by a message's DeadLetterQueueSourceArn. A message that somebody sent there has none, and ends
the task (CouldNotDetermineMessageSource), with all that come after it left where they are.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
github.com/localstack/localstack/pull/10425
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from ministack.services import sqs  # type: ignore[import-untyped]

ACTION = "StartMessageMoveTask"


def start_message_move_task(request: dict[str, Any], _queue_url: str) -> dict[str, str]:
    """Move the messages of SourceArn at once; to DestinationArn, else each to the queue that it came from."""
    source_arn, destination_arn = request["SourceArn"], request.get("DestinationArn")
    source = sqs._queue_by_arn(source_arn)
    if source is None or not _is_for_dead_letters(source_arn):
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn does not exist.")
    now, moved = time.time(), 0
    for message in source["messages"]:
        came_from = message.get("sys", {}).get("DeadLetterQueueSourceArn")
        destination = sqs._queue_by_arn(destination_arn or came_from or "")
        if destination is None:
            break
        destination["messages"].append(message | {"receipt_handle": None, "receive_count": 0, "visible_at": now})
        moved += 1
    source["messages"] = source["messages"][moved:]
    sqs.esm_wake.set()
    return {"TaskHandle": base64.b64encode(json.dumps({"sourceArn": source_arn}).encode()).decode()}


def _is_for_dead_letters(arn: str) -> bool:
    """Whether another queue has this one as its dead letters."""
    policies = [json.loads(queue["attributes"].get("RedrivePolicy") or "{}") for queue in sqs._queues.values()]
    return any(policy.get("deadLetterTargetArn") == arn for policy in policies)
