"""Deleting a stack, and saying what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from local.cloud.place import Place, PlaceError, stack_of
from local.workspace import ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_KEPT = ("Retain", "RetainExceptOnCreate")


def undeploy(
    place: Place,
    cloudformation: CloudFormationClient,
    *,
    confirm: Callable[[str], str],
    say: Callable[[str], None],
) -> int:
    """Delete the stack of `place` if the person types its name; the exit status. Raises PlaceError where there is none.

    `confirm` asks a question and gives the answer; `say` shows a line.
    """
    if stack_of(cloudformation, place.stack_name) is None:
        raise PlaceError(f"there is no stack {place.stack_name}")
    say(f"{place.stack_name} will be deleted, with its API, queues and their messages, alarms and logs. What stays:")
    for line in leftovers(cloudformation, place.stack_name):
        say(f"  {line}")
    say("Mails' unsubscribe links lead to the API's host name and end with it, unless ApiDomain is a domain of yours.")
    if confirm(f"Type {place.stack_name} to delete it: ").strip() != place.stack_name:
        say("Nothing was deleted.")
        return 1
    cloudformation.delete_stack(StackName=place.stack_name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=place.stack_name)
    say(f"{place.stack_name} is deleted. docs/upgrade.md says how to delete what stayed, or to use it again.")
    return 0


def leftovers(cloudformation: CloudFormationClient, stack_name: str) -> list[str]:
    """What remains of a stack when it is deleted: a line for each resource, with its physical id."""
    kept = kept_resources()
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    return [
        f"{each['ResourceType']} {each.get('PhysicalResourceId', each['LogicalResourceId'])}"
        for page in pages
        for each in page["StackResourceSummaries"]
        # of a layer SAM makes a new resource for each version, named after the layer and a digest
        if any(each["LogicalResourceId"] == name or _is_version_of(each["LogicalResourceId"], name) for name in kept)
    ]


def kept_resources() -> set[str]:
    """The logical ids of what the template keeps."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return {
        name
        for name, each in template["Resources"].items()
        if isinstance(each, dict)
        and (each.get("DeletionPolicy") in _KEPT or each.get("Properties", {}).get("RetentionPolicy") in _KEPT)
    }


def _is_version_of(logical_id: str, name: str) -> bool:
    return name.endswith("Layer") and logical_id.startswith(name) and len(logical_id) == len(name) + 10
