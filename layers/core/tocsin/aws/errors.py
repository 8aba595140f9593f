"""What AWS says when it does not do what we asked, as our own errors."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tocsin.errors import Unavailable

RETRY_AFTER = 2
"""Seconds. DynamoDB's throttling passes quickly: on-demand tables split hot partitions within moments."""


_FIRST_PAUSE = 0.05
_TRIES = 7  # about three seconds in all


def tries(what: str) -> Iterator[int]:
    """Yields for each try of a batch call that leaves items over when throttled, pausing longer each time.

    Unavailable after the last. botocore retries failed calls, but not what a successful one left undone.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311  (jitter)
        yield attempt
    raise Unavailable(f"{what} failed: DynamoDB is throttling", retry_after=RETRY_AFTER)


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Unavailable for whatever keeps AWS from doing `what`: throttling, a fault, no network, a missing right.

    A missing right or table is a fault of the deployment rather than of the moment, but what was asked is as
    undone, and works once it is mended: the caller should come back. The log says which of them it was.
    """
    try:
        yield
    except ClientError as error:
        raise Unavailable(f"{what} failed: {code_of(error)}", retry_after=RETRY_AFTER) from error
    except BotoCoreError as error:
        raise Unavailable(f"{what} failed: {type(error).__name__}", retry_after=RETRY_AFTER) from error


def code_of(error: ClientError) -> str:
    """AWS's word for an error: ConditionalCheckFailedException, ThrottlingException, …"""
    return error.response.get("Error", {}).get("Code", "unknown")


def condition_failed(error: ClientError) -> bool:
    """Whether a conditional write was refused by its condition."""
    return code_of(error) == "ConditionalCheckFailedException"


def item_found(error: ClientError) -> dict[str, Any]:
    """The item that made a condition fail, where the write asked for it (ALL_OLD)."""
    found = error.response.get("Item")
    return found if isinstance(found, dict) else {}
