"""What a mapping may say, and that it finds what it was promised."""

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.expressions.vocabulary import MAPPING_FIELDS
from tocsin.notifications.mapping import MappingFailed, check_mapping, mapped_body

ABSENT_IN_MOST = {("event", "cause")}
PROMISED = [(name, field) for name, fields in MAPPING_FIELDS.items() for field in sorted(fields)]


@pytest.mark.parametrize(("name", "field"), [each for each in PROMISED if each not in ABSENT_IN_MOST])
def test_each_field_that_a_mapping_may_name_is_there(name: str, field: str) -> None:
    mapped_body(f"{{'it': {name}.{field}}}", rendering_context())


@pytest.mark.parametrize("name", ["event", "notification", "user", "rule", "transport"])
def test_each_field_that_is_there_may_be_named(name: str) -> None:
    seen = rendering_context().to_json()[name]

    assert isinstance(seen, dict)
    assert seen.keys() <= MAPPING_FIELDS[name]


def test_a_mapping_speaks_of_the_notifications_origin_and_the_readers_language() -> None:
    said = mapped_body(
        "[notification.app, notification.action, notification.rule, notification.event_id == event.id, user.locale]",
        rendering_context(),
    )

    assert said == ["payroll", "login_failed", "failed logins", True, "en"]


@pytest.mark.parametrize("mapping", ["user.password", "transport.url", "rule.id", "notification.text", "event.acton"])
def test_a_field_that_no_notification_has_is_refused_beforehand(mapping: str) -> None:
    with pytest.raises(MappingFailed, match="has no field"):
        check_mapping(mapping)


def test_a_mapping_for_nobody_in_particular_sees_no_user() -> None:
    assert mapped_body("{'someone': user != null}", rendering_context(user=None)) == {"someone": False}
