"""What IAM is asked about a call: its action, and the partition keys that it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from local.corrections.partiql import inserts

# SQS's batch operations are not IAM actions of their own.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
_SQS_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def authorized_as_on_aws[**P](action_of: Callable[P, str | None]) -> Callable[P, str | None]:
    """Makes a call of an SQS batch operation need the permission for the single one, and no other."""

    def action(*arguments: P.args, **options: P.kwargs) -> str | None:
        found = action_of(*arguments, **options)
        return _SQS_ACTIONS.get(found, found) if found else found

    return action


def with_context[T](
    enforce: Callable[..., T], context_of: Callable[[str, str], Mapping[str, object]]
) -> Callable[..., T]:
    """Adds to the context of each check what `context_of` gives for its service and resource ARN.

    `enforce` is the emulator's check of one action; a check without any context gets None.
    """

    def check(
        access_key: object,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, object] | None = None,
    ) -> T:
        context = {**(service_context or {}), **context_of(service, resource_arn)}
        return enforce(access_key, action, service, region, resource_arn=resource_arn, service_context=context or None)

    return check


_TAGS = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})


def log_groups_with_their_streams[**P](resource_of: Callable[P, str]) -> Callable[P, str]:
    """Makes an action on a log group ask for <its ARN>:*, as AWS does for all actions but those on tags.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """

    def resource(*arguments: P.args, **options: P.kwargs) -> str:
        found = resource_of(*arguments, **options)
        headers = arguments[3] if len(arguments) > 3 else {}
        target = headers.get("x-amz-target", "") if isinstance(headers, Mapping) else ""
        is_group = found.startswith("arn:aws:logs:") and ":log-group:" in found
        return f"{found}:*" if is_group and target.rpartition(".")[2] not in _TAGS else found

    return resource


type Request = Mapping[str, Any]
"""A DynamoDB call's JSON body."""

type HashKey = Callable[[str, str | None], str | None]
"""The name of the partition key of a table, or of one of its indexes; None where there is no such table."""

_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


class LeadingKeys:
    """Gives each IAM check of a DynamoDB call `dynamodb:LeadingKeys`: the partition keys that the call is about.

    The emulator leaves the key out, so that a ForAllValues condition on it always holds. What the key's values are:
    the partition key of each item that is read or written, in the table that is checked; of a Query the value that
    its key condition demands, of an index the index's own. A Scan has none, so that ForAllValues holds for it: AWS
    tells not to grant Scan with this condition.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html

    Of PartiQL, INSERTs are looked into.
    """

    def __init__(self, hash_key: HashKey) -> None:
        """Knows tables by `hash_key`."""
        self._hash_key = hash_key
        self._request: ContextVar[Request | None] = ContextVar("leading-keys-request", default=None)

    def reading[T](self, context_of: Callable[[bytes], T]) -> Callable[[bytes], T]:
        """Remembers the call whose context is made, for the checks that follow it in the same task."""

        def context(body: bytes) -> T:
            self._request.set(_parsed(body))
            return context_of(body)

        return context

    def enforcing[T](self, enforce: Callable[..., T]) -> Callable[..., T]:
        """Adds the keys to the context of a check that is about a table."""

        def of_table(service: str, resource_arn: str) -> dict[str, object]:
            request = self._request.get()
            if service != "dynamodb" or request is None:
                return {}
            keys = leading_keys(request, self._hash_key).get(_table(resource_arn))
            return {"dynamodb:LeadingKeys": keys} if keys else {}

        return with_context(enforce, of_table)


def leading_keys(request: Request, hash_key: HashKey) -> dict[str, list[str]]:
    """The values of the partition keys that a DynamoDB call is about, by table."""
    found: dict[str, list[str]] = {}
    for table, value in _values(request, hash_key):
        found.setdefault(table, []).append(value)
    return found


def _values(request: Request, hash_key: HashKey) -> Iterator[tuple[str, str]]:
    """(table, value) of each key in a call."""
    match request:
        case {"RequestItems": Mapping() as tables}:
            for name, wanted in tables.items():
                for item in _batched(wanted):
                    yield from _of_item(name, item, hash_key)
        case {"Statements": [*_]}:
            for name, item in inserts(request):
                yield from _of_item(name, item, hash_key)
        case {"TransactItems": [*members]}:
            for member in members:
                for part in member.values():
                    yield from _of_item(part.get("TableName", ""), part.get("Key") or part.get("Item") or {}, hash_key)
        case {"TableName": str(name), "Item": Mapping() as item}:
            yield from _of_item(name, item, hash_key)
        case {"TableName": str(name), "Key": Mapping() as key}:
            yield from _of_item(name, key, hash_key)
        case {"TableName": str(name)}:
            yield from _of_query(name, request, hash_key)


def _batched(wanted: object) -> Iterator[Mapping[str, Any]]:
    """The items or keys of one table in a BatchGetItem or BatchWriteItem."""
    match wanted:
        case {"Keys": [*keys]}:
            yield from keys
        case [*writes]:
            for write in writes:
                match write:
                    case {"PutRequest": {"Item": Mapping() as item}}:
                        yield item
                    case {"DeleteRequest": {"Key": Mapping() as key}}:
                        yield key


def _of_item(arn_or_name: str, item: Mapping[str, Any], hash_key: HashKey) -> Iterator[tuple[str, str]]:
    table = _table(arn_or_name)
    name = hash_key(table, None)
    if name is not None and name in item:
        yield table, _text(item[name])


def _of_query(arn_or_name: str, request: Request, hash_key: HashKey) -> Iterator[tuple[str, str]]:
    table = _table(arn_or_name)
    name = hash_key(table, request.get("IndexName"))
    condition = request.get("KeyConditionExpression") or ""
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for attribute, value in _EQUALS.findall(condition):
        if name is not None and names.get(attribute, attribute) == name and value in values:
            yield table, _text(values[value])
    match (request.get("KeyConditions") or {}).get(name):
        case {"AttributeValueList": [value]}:
            yield table, _text(value)


def _text(value: Mapping[str, Any]) -> str:
    """An attribute value as IAM compares it: {"S": "a"} is "a", {"N": "1"} is "1"."""
    (text,) = value.values()
    return str(text)


def _table(arn_or_name: str) -> str:
    """The table's name in its own ARN or an index's, or as it is."""
    return arn_or_name.rpartition(":table/")[2].partition("/")[0]


def _parsed(body: bytes) -> Request | None:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    return request if isinstance(request, dict) else None
