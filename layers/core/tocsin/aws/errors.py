"""What AWS says when it does not do what we asked, as our own errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tocsin.errors import Unavailable

RETRY_AFTER = 2
"""Seconds. DynamoDB's throttling passes quickly: on-demand tables split hot partitions within moments."""


class Unprocessed(Unavailable):
    """A batch call succeeded, and left some of the batch undone. botocore retries failed calls, not these."""


class ConditionFailed(Exception):
    """The condition of a write did not hold. `item` is what was found, where the write asked for it; else empty."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        super().__init__()
        self.item = item


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Unavailable for whatever keeps AWS from doing `what`: throttling, a fault, no network, a missing right.

    ConditionFailed for a write that its own condition refused.

    A missing right or table is a fault of the deployment rather than of the moment, but what was asked is as
    undone, and works once it is mended: the caller should come back. The log says which of them it was.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) == "ConditionalCheckFailedException":
            found = error.response.get("Item")
            raise ConditionFailed(found if isinstance(found, dict) else {}) from None
        raise Unavailable(f"{what} failed: {code_of(error)}", retry_after=RETRY_AFTER) from error
    except BotoCoreError as error:
        raise Unavailable(f"{what} failed: {type(error).__name__}", retry_after=RETRY_AFTER) from error


def code_of(error: ClientError) -> str:
    """AWS's word for an error: ConditionalCheckFailedException, ThrottlingException, …"""
    return error.response.get("Error", {}).get("Code", "unknown")
