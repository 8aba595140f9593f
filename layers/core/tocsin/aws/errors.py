"""What AWS says when it does not do what we asked, as our own errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from tocsin.errors import Unavailable

RETRY_AFTER = 2
"""Seconds. DynamoDB's throttling passes quickly: on-demand tables split hot partitions within moments."""


_FAILED_CONDITION = "ConditionalCheckFailed"
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that time heals.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_PASSING_IN_STATEMENTS = _PASSING | {"RequestLimitExceeded", "InternalServerError"}
_ALREADY_THERE = frozenset({"DuplicateItem", _FAILED_CONDITION})
"""What a statement of a batch failed for: that time heals; that an item has the key.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html"""


class Unprocessed(Unavailable):
    """What botocore does not try again by itself: a batch call that left some of the batch undone, a transaction that
    met another one."""


class Refused(Unavailable):
    """DynamoDB refuses what was asked (ValidationException), and would again: an item that grew beyond 400 KB, say."""


class Disconnected(Unavailable):
    """The HTTP connection ended before there was an answer: it may be of before the process was frozen.

    "Lambda purges idle connections over time. Attempting to reuse an idle connection when invoking a function will
    result in a connection error." https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html
    """


class Gone(Exception):
    """The connection that a message was for is closed."""


class ConditionFailed(Exception):
    """The condition of a write did not hold. `item` is what was found, where the write asked for it; else empty.

    `again` says that botocore made the call before, and got no answer or an error: DynamoDB may have done it then.
    """

    def __init__(self, item: Mapping[str, Any], *, again: bool = False) -> None:
        super().__init__()
        self.item = item
        self.again = again

    def found_own(self, made: Mapping[str, Any]) -> bool:
        """Whether the write was refused for what it had made itself: the attributes `made`, which no other write makes.

        botocore repeats a call that got no answer, and DynamoDB refuses the repeat of a conditional write if it was
        done. https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        """
        return self.again and _holds(self.item, made)


class ConditionsFailed(Exception):
    """Conditions of writes that go together did not hold. `found`, for each: the item that was there, empty for none.

    None for a write whose condition held. `again` as of ConditionFailed.
    """

    def __init__(self, found: Sequence[Mapping[str, Any] | None], *, again: bool = False) -> None:
        super().__init__()
        self.found = found
        self.again = again

    def found_own(self, made: Sequence[Mapping[str, Any] | None]) -> bool:
        """Whether each write that was refused found what it had made itself: its item in `made`."""
        refused = [(found, own) for found, own in zip(self.found, made, strict=True) if found is not None]
        return self.again and all(own is not None and _holds(found, own) for found, own in refused)


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Unavailable for whatever keeps AWS from doing `what`: throttling, a fault, no network, a missing right.

    ConditionFailed for a write that its own condition refused, ConditionsFailed for writes that go together. Gone for a
    connection that is closed.

    A missing right or table is a fault of the deployment rather than of the moment, but what was asked is as
    undone, and works once it is mended: the caller should come back. The log says which of them it was.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) == "ConditionalCheckFailedException":
            found = error.response.get("Item")
            raise ConditionFailed(found if isinstance(found, dict) else {}, again=_was_made_again(error)) from None
        if code_of(error) == "GoneException":
            raise Gone from None
        if code_of(error) == "TransactionCanceledException":
            _raise_for(what, error.response.get("CancellationReasons") or [], again=_was_made_again(error))
        kind = Refused if code_of(error) == "ValidationException" else Unavailable
        raise kind(f"{what} failed: {code_of(error)}", retry_after=RETRY_AFTER) from error
    except BotoCoreError as error:
        kind = Disconnected if isinstance(error, ConnectionClosedError) else Unavailable
        raise kind(f"{what} failed: {type(error).__name__}", retry_after=RETRY_AFTER) from error


def _was_made_again(error: ClientError) -> bool:
    return bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _raise_for(what: str, reasons: Any, *, again: bool) -> None:  # noqa: ANN401 - botocore's
    """Raise what the reasons of a cancelled transaction mean; nothing where they say nothing of use."""
    codes = [reason.get("Code") for reason in reasons]
    if _FAILED_CONDITION in codes:
        found = [reason.get("Item", {}) if reason["Code"] == _FAILED_CONDITION else None for reason in reasons]
        raise ConditionsFailed(found, again=again) from None
    if _PASSING.intersection(codes):
        raise Unprocessed(f"{what} failed: DynamoDB is throttling", retry_after=RETRY_AFTER)


def of_statement(what: str, error: Mapping[str, Any] | None) -> ConditionFailed | Unavailable | None:
    """Return what the error of a statement in a batch means; None where it has none.

    Unprocessed for what may work in a moment: botocore tries whole calls again, and a batch is answered with 200.
    """
    if error is None:
        return None
    code = error.get("Code", "unknown")
    if code in _ALREADY_THERE:
        return ConditionFailed(error.get("Item", {}))
    kind = Unprocessed if code in _PASSING_IN_STATEMENTS else Refused if code == "ValidationError" else Unavailable
    return kind(f"{what} failed: {code}", retry_after=RETRY_AFTER)


def _holds(item: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether an item has these attributes."""
    return all(_same(item.get(name), value) for name, value in made.items())


def _same(found: Mapping[str, Any] | None, given: Mapping[str, Any]) -> bool:
    """Whether an attribute that was found is the one that was given: DynamoDB writes numbers in its own way."""
    if found is None or "N" not in found or "N" not in given:
        return found == given
    return float(found["N"]) == float(given["N"])


def code_of(error: ClientError) -> str:
    """AWS's word for an error: ConditionalCheckFailedException, ThrottlingException, …"""
    return error.response.get("Error", {}).get("Code", "unknown")
