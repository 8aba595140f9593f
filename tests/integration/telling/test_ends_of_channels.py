"""Each channel that was told hears once that it is over, by whichever page of those who were told it comes."""

from collections import Counter
from dataclasses import replace

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import work
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tocsin.config.model import Configuration
from tocsin.models import as_json, validated


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    monkeypatch.setattr("tocsin.matching.ending.ITEMS_AT_ONCE", 1)
    return EscalatingWorld(stack, monkeypatch, sinks)


@pytest.mark.parametrize("of_step", [("pager",), ("hook", "pager")], ids=["another", "the same too"])
def test_the_channels_of_a_step_hear_of_the_end_after_the_rules_own(
    telling: EscalatingWorld, of_step: tuple[str, ...]
) -> None:
    """The fault: once a page had told a channel of the end, channels of further pages never heard of it."""
    resolve = {"action": "service_up", "by": ["context.host"]}
    telling.rules(resolve=resolve, once=True, escalate=[{**STEPS[0], "transports": of_step}])
    version, configuration = telling.configuration.current(fresh=True)
    hook = configuration.transports_by_name["hook"]
    pager = replace(hook, name="pager", url=f"{telling.sinks.url}/webhook/pager")
    document = as_json(configuration) | {"transports": [*configuration.transports, pager]}
    both = validated(Configuration, document)
    telling.configuration.publish(both, replacing=version, by="test")
    (event,) = telling.happened(1)
    telling.begin(event)
    telling.minute(minutes=16)

    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")
    telling.match(end)
    telling.work_off()
    telling.deliver()

    heard = Counter(item["transport"]["S"] for item in telling.all() if item["pk"]["S"] == f"event#{end.id}")
    assert heard == {"hook": 1, "pager": 1}
    assert telling.story(end)["rule"]["deliveries"] == {"hook": 1, "pager": 1}
    assert len(telling.sinks.received("/webhook/pager")) == 2


@pytest.mark.parametrize(
    ("before", "after"), [(["hook"], ["inbox"]), ([], ["hook"]), (["inbox"], []), (["hook", "inbox"], ["mail"])]
)
def test_those_who_were_told_hear_by_the_same_transports_though_the_rule_has_others_now(
    telling: EscalatingWorld, before: list[str], after: list[str]
) -> None:
    """The fault: an incident stayed open at a service that the rule did not name any more."""
    resolve = {"action": "service_up", "by": ["context.host"]}
    telling.rules(resolve=resolve, escalate=(), transports=before)
    telling.begin(*telling.happened(1))
    telling.rules(resolve=resolve, escalate=(), transports=after)

    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")
    telling.match(end)
    telling.deliver()

    heard = {item["transport"]["S"] for item in telling.all() if item["pk"]["S"] == f"event#{end.id}"}
    assert heard == set(before or ["inbox"])
    assert {item["state"]["S"] for item in telling.all()} == {"delivered"}


GROUP = {"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}


@pytest.mark.parametrize(("resolve", "told"), [({"action": "service_up"}, 4), (None, 2)], ids=["goes on", "ends"])
def test_an_end_goes_on_page_by_page_for_as_long_as_the_rule_has_one(
    telling: EscalatingWorld, resolve: dict[str, str] | None, told: int
) -> None:
    """The first page is the rule's two people, the next those of its step; to each the end waits for the group."""
    telling.rules(group=GROUP, resolve={"action": "service_up"}, escalate=STEPS[:1])
    telling.begin(*telling.happened(1))
    telling.minute(minutes=16)
    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")

    telling.match(end)
    first, (rest,) = telling.story(end)["rule"]["kept_back"], telling.stack.messages("Match")
    waiting = {item["username"]["S"] for item in telling.all() if item["pk"]["S"] == f"event#{end.id}"}
    telling.rules(group=GROUP, resolve=resolve, escalate=STEPS[:1])
    telling.matcher().queue([work(rest)])

    assert (first, waiting) == ({"group": 2}, {"ana", "bob"})
    assert (rest["ends"], rest["cursor"]["page"]) == (True, 1)
    assert telling.story(end)["rule"]["kept_back"] == {"group": told}


def test_the_rules_own_people_wait_no_longer_for_an_end_since_a_step_told_others(telling: EscalatingWorld) -> None:
    """Each waits for as long as the rule says, from when they were told last."""
    telling.rules(resolve={"action": "service_up", "within": "minutes=20"}, escalate=STEPS[:1])
    telling.begin(*telling.happened(1))
    telling.minute(minutes=16)
    telling.later(minutes=5)

    telling.match(telling.event(app="monitor", action="custom_service_up"))
    telling.work_off()
    telling.deliver()

    assert {name: [body.get("over", False) for body in telling.posted(name)] for name in ("ana", "eve")} == {
        "ana": [False],
        "eve": [False, True],
    }


def test_a_transport_that_is_disabled_hears_of_no_end(telling: EscalatingWorld) -> None:
    resolve = {"action": "service_up", "by": ["context.host"]}
    telling.rules(resolve=resolve, escalate=())
    telling.begin(*telling.happened(1))
    version, configuration = telling.configuration.current(fresh=True)
    off = [replace(each, enabled=each.name != "hook") for each in configuration.transports]
    document = as_json(configuration) | {"transports": off}
    telling.configuration.publish(validated(Configuration, document), replacing=version, by="test")

    telling.later(seconds=1)
    telling.match(telling.event(app="monitor", action="custom_service_up"))
    telling.deliver()

    assert [len(telling.posted(name)) for name in ("ana", "bob")] == [1, 1]
