"""Functions whose processes are frozen between invocations, so that their monotonic clocks stand still."""

import time
from collections.abc import Iterator

import pytest

from local.api import TocsinApi
from local.waiting import until

IN_FORCE_AFTER_S = 5
"""docs/operating.md: within so many seconds an edit is in force."""


@pytest.fixture
def edited(api: TocsinApi) -> Iterator[list[str]]:
    """The paths of entries that a test adds, in order; deleted at its end."""
    paths: list[str] = []
    yield paths
    for path in reversed(paths):
        api.ask("DELETE", path)


def test_a_warm_function_sees_an_edit_within_seconds_however_seldom_it_runs(api: TocsinApi, edited: list[str]) -> None:
    warm = api.post_event({"action": "rehearsal", "app": "signed"})["id"]
    until(lambda: api.story(str(warm)).rules, 120, of="the rule that fires already")

    for path, entry in (
        ("/policies/frozen", {"kind": "event_matcher", "app": "frozen"}),
        ("/rules/frozen", {"destination_group": "identity", "bindings": [{"policy": "frozen"}]}),
    ):
        answer = api.ask("PUT", path, json=entry)
        assert answer.ok, answer.text
        edited.append(path)
    since = time.time()
    until(lambda: time.time() > since + IN_FORCE_AFTER_S, 120, of="an edit in force")
    later = api.post_event({"action": "rehearsal", "app": "frozen"})["id"]

    assert until(lambda: api.story(str(later)).rules, 120, of="the rule that was added") == ("frozen",)
