"""Which lines FilterLogEvents finds."""

import pytest
from ministack.services import cloudwatch_logs

from local.corrections.log_filters import with_alternatives

LINES = ['{"level":"ERROR"}', '{"type":"platform.report"}', '{"level":"INFO"}', '{"level":"error"}']


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('?ERROR ?"platform.report"', LINES[:2]),
        ("?ERROR", LINES[:1]),
        ('"platform.report"', LINES[1:2]),
        ("", LINES),
    ],
)
def test_a_term_with_a_question_mark_is_one_of_several(pattern: str, found: list[str]) -> None:
    """The fault: `?ERROR` was looked for as it stands, so GET /status of the local stack never showed an error."""
    matches = with_alternatives(cloudwatch_logs._compile_filter_pattern)(pattern)

    assert [line for line in LINES if matches(line)] == found
