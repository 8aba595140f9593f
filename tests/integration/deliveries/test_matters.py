"""What a matter keeps of its beginning and of who acknowledged it, for whoever asks later."""

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.test_escalation_store import START, Matters
from tocsin.aws.tracing import caused_by

TRACE = "Root=1-6929b0d2-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def matters(stack: Stack) -> Matters:
    return Matters(stack)


@pytest.mark.parametrize("trace", [TRACE, None])
def test_a_step_that_is_due_is_of_the_matter_and_in_the_trace_of_what_began_it(
    matters: Matters, trace: str | None
) -> None:
    first = matters.event(0)
    with caused_by(trace):
        matters.begin(first, 0)

    claimed = matters.claim(15)

    assert claimed is not None
    assert (claimed.rule, claimed.about, claimed.event_id, claimed.trace) == ("down#hosts", "a", first, trace)


@pytest.mark.parametrize("user", ["bob", ""])
def test_whoever_acknowledges_again_is_told_who_did_first(matters: Matters, user: str) -> None:
    matters.begin(matters.event(0), 0)
    acknowledge = matters.store.acknowledge

    first = acknowledge("down#hosts", "a", by="bob", via="link", user=user, now=START)
    again = acknowledge("down#hosts", "a", by="eve", via="api", user="eve", now=START)

    assert (first.first, again.first) == (True, False)
    for done in (first, again):
        assert (done.by, done.via, done.user, done.at, done.event) == ("bob", "link", user, START, first.event)
    matter = matters.get()
    assert matter is not None and matter.acknowledgement is not None
    assert (matter.acknowledgement.by, matter.acknowledgement.user) == ("bob", user)


def test_a_matter_that_an_earlier_version_began_tells_of_no_event_before_it(matters: Matters, stack: Stack) -> None:
    """It does not know which matter came before."""
    before, first, later = (matters.event(at) for at in (-1, 0, 1))
    matters.begin(first, 0)
    begun = matters.get()
    (item,) = stack.items("deliveries")
    stack.dynamodb.update_item(
        TableName="deliveries",
        Key={name: item[name] for name in ("pk", "sk")},
        UpdateExpression="REMOVE follows",
    )

    matter = matters.get()

    assert begun is not None and matter is not None
    assert [begun.tells_of(each) for each in (before, first, later)] == [True, True, True]
    assert [matter.tells_of(each) for each in (before, first, later)] == [False, True, True]
