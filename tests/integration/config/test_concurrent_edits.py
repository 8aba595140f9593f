"""An edit that others overtake is made again, a few times."""

import pytest

from tests.integration.api_calls import Api
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Conflict

RULE = {"name": "logins", "bindings": []}


def overtaken(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Have somebody else publish just before us, so often; how often we published."""
    publish, tries = ConfigurationStore.publish, list[int]()

    def late(self: ConfigurationStore, *given: object, **named: object) -> object:
        tries.append(1)
        if len(tries) <= times:
            raise Conflict("the configuration was changed meanwhile")
        return publish(self, *given, **named)  # type: ignore

    monkeypatch.setattr(ConfigurationStore, "publish", late)
    return tries


def test_an_edit_that_is_overtaken_is_made_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = overtaken(monkeypatch, 2)

    assert api("PUT", "/rules/logins", RULE).status == 201
    assert len(tries) == 3
    assert api("GET", "/rules/logins").status == 200


def test_an_edit_that_is_overtaken_each_time_is_a_conflict_and_changes_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = overtaken(monkeypatch, 1_000)

    assert api("PUT", "/rules/logins", RULE).is_problem(409)
    assert len(tries) < 20
    assert api("GET", "/rules/logins").status == 404
