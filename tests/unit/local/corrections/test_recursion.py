"""How invocations of a chain of requests are counted."""

import asyncio

import pytest

from local.corrections.recursion import MAX_INVOCATIONS, Lineage, LoopDetection

ARN = "arn:aws:lambda:us-east-1:000000000000:function:a"
OTHER = "arn:aws:lambda:us-east-1:000000000000:function:b"
FUNCTION = {"config": {"FunctionArn": ARN}}


def header(lineage):
    return f"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage={lineage}"


def batch(*headers):
    """An SQS batch whose messages have these trace headers."""
    return {"Records": [{"eventSource": "aws:sqs", "attributes": {"AWSTraceHeader": each}} for each in headers]}


def entered(times, function=ARN):
    """The lineage of a chain that invoked the function so often."""
    lineage = Lineage()
    for _ in range(times):
        lineage = lineage.entering(function)
    return lineage


def test_a_lineage_survives_the_trace_header_also_percent_encoded_as_botocore_sends_it():
    lineage = entered(3).entering(OTHER)

    assert Lineage.parse(header(lineage)) == lineage
    assert Lineage.parse(header(lineage).replace("|", "%7C")) == lineage


@pytest.mark.parametrize("text", ["", "Root=1-a-b;Sampled=0", "Lineage=;x", "Lineage=odd"])
def test_a_header_without_a_lineage_counts_nothing(text):
    assert Lineage.parse(text) == Lineage()


def test_a_batch_counts_the_highest_of_its_messages_for_each_function():
    event = batch(header(entered(3)), header(entered(1).entering(OTHER)), "Root=1-a-b")

    lineage = Lineage.of_batch(event)

    assert (lineage.invocations(ARN), lineage.invocations(OTHER)) == (3, 1)


@pytest.mark.parametrize("event", [{}, None, {"Records": [{"eventSource": "aws:dynamodb"}]}, {"Records": [{}]}])
def test_other_events_begin_a_chain(event):
    assert Lineage.of_batch(event) == Lineage()


@pytest.fixture
def executed():
    return []


def detecting(executed, *, allowed=False):
    dropped = []
    loops = LoopDetection(allowed=lambda _function: allowed, dropped=dropped.append)
    header_of = loops.tracing(lambda _config: None)

    def execute(_function, _event):
        executed.append(header_of({}))
        return {"body": None}

    return loops.executing(execute), dropped


def test_the_last_invocation_that_is_allowed_runs_and_the_next_is_dropped(executed):
    execute, dropped = detecting(executed)

    last = execute(FUNCTION, batch(header(entered(MAX_INVOCATIONS - 1))))
    next_ = execute(FUNCTION, batch(header(entered(MAX_INVOCATIONS))))

    assert "error" not in last
    assert next_["body"]["errorType"] == "RecursiveInvocationException"
    assert dropped == [FUNCTION]
    assert len(executed) == 1


def test_an_invocation_sends_a_trace_header_that_counts_itself(executed):
    execute, _ = detecting(executed)

    execute(FUNCTION, batch(header(entered(4))))
    execute(FUNCTION, {"an": "event"})

    assert [Lineage.parse(each).invocations(ARN) for each in executed] == [5, 1]
    assert all(each.startswith("Root=1-") and "Sampled=0" in each for each in executed)


def test_a_function_that_may_loop_goes_on(executed):
    execute, dropped = detecting(executed, allowed=True)

    execute(FUNCTION, batch(header(entered(99))))

    assert (len(executed), dropped) == (1, [])


def test_other_functions_of_a_chain_are_counted_apart(executed):
    execute, dropped = detecting(executed)

    execute(FUNCTION, batch(header(entered(MAX_INVOCATIONS, OTHER))))

    assert (len(executed), dropped) == (1, [])


def test_a_queue_keeps_the_trace_header_of_the_call_unless_the_message_has_its_own():
    loops = LoopDetection(allowed=lambda _function: False, dropped=lambda _function: None)
    own = loops.keeping(lambda: {"SenderId": "1", "AWSTraceHeader": "own"})
    none = loops.keeping(lambda: {"SenderId": "1"})

    async def handle(_method, _path, _headers, _body):
        return own(), none()

    kept = asyncio.run(loops.receiving(handle)("POST", "/", {"x-amzn-trace-id": "Lineage=1:0a0a0a0a%7C1"}, b""))

    assert kept == (
        {"SenderId": "1", "AWSTraceHeader": "own"},
        {"SenderId": "1", "AWSTraceHeader": "Lineage=1:0a0a0a0a|1"},
    )
