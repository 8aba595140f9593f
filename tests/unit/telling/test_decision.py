"""The one decision: what is sent, what waits and until when, what is dropped, and why, in words."""

import pytest

from tests.unit.telling import decision_cases, group_cases, waiting_cases
from tests.unit.telling.decision_cases import AT_SEVEN, Case, decided, utc
from tocsin.telling.decision import Cause, Kind

CASES = decision_cases.CASES | waiting_cases.CASES | group_cases.CASES


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_notification_is_decided_on(case: Case) -> None:
    decision = decided(case)

    assert (decision.kind, decision.reason) == (Kind(case.kind), case.reason)
    assert decision.until == (None if case.until is None else utc(case.until))


def test_the_table_covers_what_can_decide() -> None:
    assert len(CASES) >= 75
    assert {decided(case).cause for case in CASES.values()} == set(Cause)
    assert {decided(case).kind for case in CASES.values()} == set(Kind)


@pytest.mark.parametrize(
    ("case", "latest"),
    [
        ("a group long before the night", None),
        ("a group some time before the night", "2026-06-10T21:58"),
        ("a group at night, an alert", None),
        ("a group, to a channel", None),
    ],
)
def test_what_joins_a_group_is_told_before_quiet_hours_begin(case: str, latest: str | None) -> None:
    decision = decided(CASES[case])

    assert decision.latest == (None if latest is None else utc(latest))
    assert decision.group == group_cases.BY_HOST


def test_a_decision_is_shown_with_its_reason() -> None:
    held, sent = decided(CASES["a warning at night"]), decided(CASES["nothing said"])

    assert held.to_json() == {
        "decision": "hold",
        "cause": "quiet_hours",
        "reason": AT_SEVEN,
        "until": "2026-06-11T07:00:00.000Z",
    }
    assert sent.to_json() == {"decision": "send", "cause": "nothing", "reason": "told at once"}
