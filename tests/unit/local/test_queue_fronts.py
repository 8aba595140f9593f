"""Messages are taken from the front of a queue, and it is none the worse for it."""

from dataclasses import dataclass, field
from threading import RLock

import pytest

from local import economy
from local.economy import QueueFronts

PAST, FUTURE = 0.0, 10.0**12


def message(name, visible_at=PAST, received=0):
    return {"id": name, "visible_at": visible_at, "receive_count": received, "receipt_handle": f"handle-{name}"}


def queue(*messages, fifo=False):
    return {"is_fifo": fifo, "messages": list(messages), "attributes": {"QueueArn": "arn:queue"}}


@dataclass
class Emulator:
    """What the emulator does with all of a queue, and how many messages it looked at."""

    looked_at: list[int] = field(default_factory=list)
    expired: int = 0

    def sweep(self, of):
        of["messages"] = [each for each in of["messages"] if each["receive_count"] < 3]

    def expire(self, _of):
        self.expired += 1

    def collect(self, of, most, _visible_again_s):
        self.looked_at.append(len(of["messages"]))
        return [each for each in of["messages"] if each["visible_at"] <= 1][:most]

    def fronts(self):
        return QueueFronts(self.sweep, self.expire, RLock())


def collected(emulator, of, most=2):
    fronts = emulator.fronts()
    fronts.sweep(of)
    return [each["id"] for each in fronts.collecting(emulator.collect)(of, most, 30)]


def test_the_first_that_can_be_given_out_are_and_no_more_is_looked_at():
    emulator = Emulator()
    waiting = queue(message("out", FUTURE), *(message(str(number)) for number in range(50)), message("late", FUTURE))

    assert collected(emulator, waiting) == ["0", "1"]
    assert emulator.looked_at == [2]
    assert len(waiting["messages"]) == 52


def test_the_same_messages_are_given_out_and_not_copies():
    waiting = queue(message("a"))

    (given,) = Emulator().fronts().collecting(Emulator().collect)(waiting, 10, 30)

    assert given is waiting["messages"][0]


def test_what_was_received_too_often_becomes_a_dead_letter_and_the_next_is_given_out():
    waiting = queue(message("dead", received=3), message("again", received=1), message("new"))

    assert collected(Emulator(), waiting) == ["again", "new"]
    assert [each["id"] for each in waiting["messages"]] == ["again", "new"]


def test_a_fifo_queue_is_left_to_the_emulator():
    emulator = Emulator()
    waiting = queue(message("dead", received=3), *(message(str(number)) for number in range(5)), fifo=True)

    assert collected(emulator, waiting) == ["0", "1"]
    assert emulator.looked_at == [5]


def test_old_messages_are_looked_for_once_a_second_a_queue(monkeypatch):
    emulator, now = Emulator(), [100.0]
    monkeypatch.setattr(economy.time, "monotonic", lambda: now[0])
    fronts, other = emulator.fronts(), queue() | {"attributes": {"QueueArn": "arn:other"}}

    for _ in range(3):
        fronts.expire(queue())
    fronts.expire(other)
    assert emulator.expired == 2

    now[0] += 1
    fronts.expire(queue())
    assert emulator.expired == 3


def deleted(of, *handles, fail=False):
    """What is left in a queue, how many messages were looked at, and what the emulator answered."""
    looked_at = []

    def delete(request, _url):
        looked_at.append(len(of["messages"]))
        if fail:
            raise ValueError("no such queue")
        gone = {entry["ReceiptHandle"] for entry in request["Entries"]}
        of["messages"] = [each for each in of["messages"] if each["receipt_handle"] not in gone]
        return {}

    request = {"QueueUrl": "url", "Entries": [{"Id": str(n), "ReceiptHandle": each} for n, each in enumerate(handles)]}
    try:
        Emulator().fronts().deleting(delete, lambda _url: of)(request, "")
    finally:
        left = [each["id"] for each in of["messages"]]
    return left, looked_at


def test_what_is_deleted_is_gone_and_the_others_stay_in_order():
    of = queue(*(message(str(number)) for number in range(6)))

    assert deleted(of, "handle-2", "handle-0") == (["1", "3", "4", "5"], [3])


@pytest.mark.parametrize("handles", [["handle-9"], ["handle-9", "handle-5"]])
def test_what_is_not_there_is_looked_for_everywhere(handles):
    of = queue(*(message(str(number)) for number in range(6)))

    left, looked_at = deleted(of, *handles)

    assert left == [str(number) for number in range(6) if f"handle-{number}" not in handles]
    assert looked_at == [6]


def test_of_an_empty_queue_nothing_is_deleted():
    assert deleted(queue(), "handle-1") == ([], [0])


def test_a_deletion_that_fails_takes_nothing():
    of = queue(*(message(str(number)) for number in range(4)))

    with pytest.raises(ValueError, match="no such queue"):
        deleted(of, "handle-1", fail=True)

    assert [each["id"] for each in of["messages"]] == ["0", "1", "2", "3"]
