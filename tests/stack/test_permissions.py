"""Least privilege, tested: with IAM enforced, each permission of each function is taken away, and missed.

For every one, a probe has the deployed function do what it has the permission for. Without the permission the
probe must fail, with it again it must not; a permission that no probe uses fails the test. What the emulator
can't show is listed, with reasons, in tests/stack/permissions.py. All of them take minutes: `make permissions`. The
one of each role that it could do least without is tried by `make test`.
"""

from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from tests.stack.permissions import Permission, permissions, without
from tests.stack.probes import PROBES
from tests.stack.probes.events import POLICIES, RULES
from tests.stack.probes.stage import NotDone, Stage

# The statement and action that each role could do least without.
FOREMOST = {
    "authorizer": ("ReadKey", "dynamodb:GetItem"),
    "ingest": ("StoreBatch", "dynamodb:BatchWriteItem"),
    "matcher": ("ReadRulesAndGroups", "dynamodb:Query"),
    "rollup": ("KeepCounts", "dynamodb:UpdateItem"),
    "webhook": ("KeepLedger", "dynamodb:UpdateItem"),
    "slack": ("KeepLedger", "dynamodb:UpdateItem"),
    "email": ("SendMail", "ses:SendEmail"),
    "feedback": ("StopMail", "dynamodb:PutItem"),
    "inbox": ("StoreNotification", "dynamodb:PutItem"),
    "redrive": ("ClaimIt", "dynamodb:UpdateItem"),
    "jobs": ("GoOn", "dynamodb:UpdateItem"),
    "api": ("ReadEvents", "dynamodb:GetItem"),
    "websocket": ("ForgetConnection", "dynamodb:DeleteItem"),
}


def case(permission: Permission) -> object:
    """The test's case of a permission, marked `exhaustive` unless it is a foremost one."""
    foremost = FOREMOST.get(permission.function) == (permission.statement, permission.action)
    return pytest.param(permission, id=str(permission), marks=[] if foremost else [pytest.mark.exhaustive])


@pytest.fixture(scope="module")
def stage(stack: LocalStack, keys: dict[str, str]) -> Iterator[Stage]:
    """The stack with a few rules more, on which nothing happens but what probes do."""
    api = stack.api()
    for kind, entries in (("policies", POLICIES), ("rules", RULES)):
        for name, entry in entries.items():
            answer = api.ask("PUT", f"/{kind}/{name}", json=entry)
            assert answer.ok, answer.text
    stage = Stage(stack, keys)
    with stage.undisturbed():
        yield stage
    for kind, entries in (("rules", RULES), ("policies", POLICIES)):
        for name in entries:
            api.ask("DELETE", f"/{kind}/{name}")


@pytest.fixture(autouse=True)
def endpoints_are_well(stage: Stage) -> Iterator[None]:
    """Lets no test find, or leave, a breaker that keeps deliveries back."""
    stage.forget_breakers()
    yield
    stage.forget_breakers()


@pytest.mark.parametrize("permission", [case(each) for each in permissions() if each.why_not_shown is None])
def test_a_permission_is_missed_when_it_is_taken_away(stage: Stage, permission: Permission) -> None:
    probe = PROBES[permission.function, permission.statement, permission.action]

    stage.chill(permission.function)
    with without(stage.stack, permission), pytest.raises(NotDone):
        probe(stage, permission)

    stage.chill(permission.function)
    probe(stage, permission)


def test_each_role_has_a_foremost_permission_that_it_is_granted() -> None:
    granted = {(each.function, each.statement, each.action) for each in permissions()}

    assert {(function, *foremost) for function, foremost in FOREMOST.items()} <= granted
    # The console grants nothing but its own log: what it serves stands in its package.
    assert FOREMOST.keys() == {each.function for each in permissions()} - {"console"}


def test_each_permission_that_can_be_shown_has_a_probe() -> None:
    granted = {(each.function, each.statement, each.action) for each in permissions() if each.why_not_shown is None}

    assert granted <= PROBES.keys(), "spare, or used by no probe"


def test_no_probe_is_left_of_a_permission_that_is_gone() -> None:
    granted = {(each.function, each.statement, each.action) for each in permissions()}

    assert PROBES.keys() <= granted
