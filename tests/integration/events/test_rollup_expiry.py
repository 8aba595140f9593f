"""What expires leaves the counts of its hour, within an hour, without DynamoDB deleting it or the stream saying so."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.events.rolled_up import NOW, Crash, Tapped, catch_up, crash
from tocsin.events.model import Event
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission, event_key
from tocsin.ids import new_id

COUNTED = hour_of(NOW) - timedelta(hours=1)


def store(stack: Any, *expiries: datetime | None, action: str = "login") -> list[Event]:
    """Events of the hour before NOW's, which expire then."""
    events = [
        Event(new_id(COUNTED + timedelta(minutes=number)), action, "shop", {}, {}, None, "default", expires)
        for number, expires in enumerate(expiries)
    ]
    EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])
    return events


def logins(stack: Any) -> int | None:
    """How many the roll-ups say there were in the hour; None where they say that they don't know."""
    count = Rollups(stack.dynamodb, "events").known(COUNTED, NOW).of(COUNTED)
    return count.counts.get("login", {}).get("shop", 0) if count.is_whole else None


def notes(stack: Any, pk: str) -> list[str]:
    return [item["sk"]["S"] for item in stack.items("events") if item["pk"]["S"] == pk]


def test_an_event_is_counted_until_the_hour_in_which_it_expires_has_ended(stack: Any) -> None:
    store(stack, NOW + timedelta(minutes=10), None)
    catch_up(stack.dynamodb, NOW)
    assert logins(stack) == 2

    catch_up(stack.dynamodb, NOW + timedelta(minutes=20))
    assert logins(stack) == 2

    catch_up(stack.dynamodb, NOW + timedelta(minutes=30))
    assert logins(stack) == 1
    assert len(stack.events()) == 2, "DynamoDB has not deleted it yet"


def test_each_expiry_of_an_hour_has_its_turn(stack: Any) -> None:
    store(stack, *(NOW + timedelta(hours=hours) for hours in (1, 3, 48)))
    found = []

    for hours in (0, 2, 47, 49):
        catch_up(stack.dynamodb, NOW + timedelta(hours=hours))
        found.append(logins(stack))

    assert found == [3, 2, 1, 0]
    assert notes(stack, "rollup#expiry") == []


def test_an_hour_is_not_read_again_while_nothing_of_it_expires(stack: Any) -> None:
    store(stack, NOW + timedelta(days=365), None)
    catch_up(stack.dynamodb, NOW)

    run = Rollups(stack.dynamodb, "events").catch_up(NOW + timedelta(days=1), has_time=lambda: True)

    assert run.events == 0
    assert notes(stack, "rollup#expiry") == [f"2027-11-23T13#{COUNTED:%Y-%m-%dT%H}"]


def test_what_the_running_hour_counted_before_expires_too(stack: Any) -> None:
    store(stack, NOW + timedelta(minutes=30))
    catch_up(stack.dynamodb, COUNTED + timedelta(minutes=30))
    late = Event(new_id(COUNTED + timedelta(minutes=40)), "login", "shop", {}, {}, None, "default", None)
    EventStore(stack.dynamodb, "events").add([Submission(late, None)])
    catch_up(stack.dynamodb, NOW)
    assert logins(stack) == 2

    catch_up(stack.dynamodb, NOW + timedelta(minutes=40))

    assert logins(stack) == 1


def test_a_crash_at_any_write_leaves_no_event_counted_for_good(stack: Any) -> None:
    crashes, at = 0, 0
    while True:
        at += 1
        for item in stack.items("events"):
            stack.dynamodb.delete_item(TableName="events", Key={"pk": item["pk"], "sk": item["sk"]})
        store(stack, NOW + timedelta(minutes=10), None)
        client = Tapped(stack.dynamodb, crash, at, writes=True)
        try:
            catch_up(client, NOW)
            catch_up(client, NOW + timedelta(minutes=30))
        except Crash:
            crashes += 1
        else:
            break
        catch_up(stack.dynamodb, NOW + timedelta(minutes=31))
        assert logins(stack) == 1, f"crashed before write {at}"
    assert crashes >= 8


def test_a_run_without_time_leaves_expired_events_to_the_next(stack: Any) -> None:
    store(stack, NOW + timedelta(minutes=10), None)
    catch_up(stack.dynamodb, NOW)

    Rollups(stack.dynamodb, "events").catch_up(NOW + timedelta(minutes=30), has_time=lambda: False)
    before = logins(stack)
    catch_up(stack.dynamodb, NOW + timedelta(minutes=31))

    assert (before, logins(stack)) == (2, 1)


def test_an_expiry_that_is_noted_while_the_last_is_acted_on_is_not_forgotten(stack: Any) -> None:
    """Another run, whose clock is behind, counts the hour between this one's mark and its deleting of the note."""
    step = 0
    while True:
        step += 1
        for item in stack.items("events"):
            stack.dynamodb.delete_item(TableName="events", Key={"pk": item["pk"], "sk": item["sk"]})
        store(stack, NOW + timedelta(minutes=10), None)
        catch_up(stack.dynamodb, NOW)
        behind = NOW + timedelta(minutes=5)
        client = Tapped(stack.dynamodb, lambda at=behind: catch_up(stack.dynamodb, at), step, writes=True)

        catch_up(client, NOW + timedelta(minutes=30))
        if client.calls < step:
            break
        catch_up(stack.dynamodb, NOW + timedelta(minutes=32))

        assert logins(stack) == 1, f"another run before write {step}"


def test_what_dynamodb_itself_deletes_marks_nothing(stack: Any) -> None:
    (gone, deleted) = store(stack, NOW - timedelta(days=1), None)
    catch_up(stack.dynamodb, NOW)
    records = [
        {"eventName": "REMOVE", "dynamodb": {"Keys": event_key(each.id), "SequenceNumber": str(number)}}
        for number, each in enumerate((gone, deleted))
    ]
    records[0]["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

    stack.function("rollup").handler({"Records": records[:1]}, stack.context)
    assert logins(stack) == 1
    assert notes(stack, "rollup#due") == []

    stack.function("rollup").handler({"Records": records[1:]}, stack.context)
    assert logins(stack) is None
    assert notes(stack, "rollup#due") == [f"{COUNTED:%Y-%m-%dT%H}"]


def test_an_event_that_expires_with_the_last_year_there_is_stops_no_counting(stack: Any) -> None:
    for_ever = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    store(stack, for_ever)

    catch_up(stack.dynamodb, NOW)

    assert logins(stack) == 1
