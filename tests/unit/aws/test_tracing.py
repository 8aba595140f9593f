"""The trace that something belongs to: that of its cause, else the invocation's."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tocsin.aws.tracing import caused_by, header_of, message_attributes, trace_header, trace_id

OWN = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:68fd508a:5|c512fbe3:2"
CAUSE = "Root=1-6929b0d2-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OWN)


def test_outside_of_lambda_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)

    assert trace_header() is None
    assert trace_id() is None
    assert message_attributes(trace_header()) == {}


@pytest.mark.usefixtures("invoked")
def test_the_invocations_own_is_carried_on_without_its_lineage() -> None:
    assert trace_header() == OWN.partition(";Lineage")[0]
    assert trace_id() == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.usefixtures("invoked")
def test_within_a_cause_it_is_the_causes() -> None:
    with caused_by(CAUSE):
        assert trace_header() == CAUSE
        with caused_by(None):
            assert trace_header() == CAUSE
        with caused_by(OWN):
            assert trace_id() == "1-5759e988-bd862e3fe1be46a994272793"
        assert trace_id() == "1-6929b0d2-0123456789abcdef01234567"
    assert trace_id() == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.usefixtures("invoked")
def test_a_cause_is_of_its_thread_alone() -> None:
    with caused_by(CAUSE), ThreadPoolExecutor(1) as pool:
        found = pool.submit(trace_id).result()

    assert found == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.usefixtures("invoked")
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Root=1-5759e988",
        "Sampled=1",
        f"x{CAUSE}",
        CAUSE.replace("1-6929b0d2", "2-6929b0d2"),
        'Root=1-6929b0d2-0123456789abcdef0123456"',
        f"{CAUSE}\n",
    ],
)
def test_what_is_no_trace_header_changes_nothing(header: str) -> None:
    with caused_by(header):
        assert trace_id() == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.parametrize("header", ["Root=1-6929b0d2-0123456789abcdef01234567", CAUSE, f"{CAUSE};Self=1-a;Lineage=x"])
def test_of_a_header_are_kept_root_parent_and_sampled(header: str) -> None:
    with caused_by(header):
        assert trace_header() in {CAUSE, "Root=1-6929b0d2-0123456789abcdef01234567"}
        assert trace_id() == "1-6929b0d2-0123456789abcdef01234567"


@pytest.mark.usefixtures("invoked")
def test_a_message_has_the_causes_trace_and_the_invocations_lineage() -> None:
    """By the lineage Lambda tells a function that feeds itself: docs/decisions/0009."""
    with caused_by(CAUSE):
        attributes = message_attributes(trace_header())

    assert attributes == {
        "AWSTraceHeader": {"DataType": "String", "StringValue": f"{CAUSE};Lineage=1:68fd508a:5|c512fbe3:2"}
    }


@pytest.mark.parametrize(
    ("record", "header"),
    [
        ({"attributes": {"AWSTraceHeader": CAUSE}}, CAUSE),
        ({"attributes": {"ApproximateReceiveCount": "1"}}, None),
        ({"dynamodb": {}}, None),
    ],
)
def test_a_record_has_the_header_that_sqs_kept(record: dict[str, object], header: str | None) -> None:
    assert header_of(record) == header
