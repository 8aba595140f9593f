"""What becomes of values of Python's types that JSON does not have."""

import json
import subprocess
import sys
from collections import OrderedDict, UserDict, UserString, deque, namedtuple
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from typing import ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr

from tests.unit.events.odd_values import Raising, Word
from tocsin.events.sanitize import sanitize


class Colour(Enum):
    RED = "red"
    MIXED = (1, {"a": 2})


class Level(IntEnum):
    HIGH = 3


Point = namedtuple("Point", ["x", "y"])


class Bare:
    """Has no text of its own."""


# Dates and times
def test_a_datetime_becomes_iso_in_utc_with_z():
    moment = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    assert sanitize(moment) == "2026-03-01T10:00:00.000005Z"


def test_a_datetime_without_a_zone_is_taken_as_utc():
    assert sanitize(datetime(2026, 3, 1, 12)) == "2026-03-01T12:00:00Z"


def test_a_datetime_that_has_no_equal_in_utc_keeps_its_offset():
    moment = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))

    assert sanitize(moment) == "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(date(2026, 3, 1), "2026-03-01"), (time(1, 2, 3), "01:02:03"), (time(1, 2, tzinfo=UTC), "01:02:00Z")],
)
def test_dates_and_times_become_iso(value, text):
    assert sanitize(value) == text


def test_a_timedelta_becomes_seconds():
    assert sanitize(timedelta(minutes=1, milliseconds=500)) == 60.5


# Other types
@pytest.mark.parametrize(
    ("value", "copy"),
    [
        (UUID("019caa1f-2f92-7000-8000-0123456789AB"), "019caa1f2f92700080000123456789ab"),
        (Decimal("10.50"), "10.50"),
        (Decimal(5), "5"),
        (Colour.RED, "red"),
        (Colour.MIXED, [1, {"a": 2}]),
        (Level.HIGH, 3),
        (Word.YES, "yes"),
        (PurePosixPath("/etc/hosts"), "/etc/hosts"),
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (UserString("abc"), "abc"),
        (complex(1, 2), "(1+2j)"),
    ],
)
def test_values_of_well_known_types_become_what_they_stand_for(value, copy):
    assert sanitize(value) == copy


def test_an_exception_becomes_its_type_and_message():
    assert sanitize(ZeroDivisionError("by zero")) == {"type": "ZeroDivisionError", "message": "by zero"}


def test_an_exception_that_cannot_say_what_it_is_keeps_its_type():
    silent = type("Silent", (Exception,), {"__str__": Raising.__str__, "__module__": "shop"})()

    assert sanitize(silent) == {"type": "shop.Silent", "message": "… [unreadable: Silent raised ValueError]"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (dict, "dict"),
        (OrderedDict, "collections.OrderedDict"),
        (json.dumps, "json.dumps"),
        (len, "len"),
        ([].append, "list.append"),
        (partial(json.dumps, indent=2), "json.dumps"),
        (lru_cache(json.dumps), "json.dumps"),
        (Bare, f"{__name__}.Bare"),
        (Bare.__init__, "object.__init__"),
    ],
)
def test_classes_and_callables_become_their_qualified_name(value, name):
    assert sanitize(value) == name


def test_an_object_without_a_text_becomes_its_class_and_no_address():
    assert sanitize(Bare()) == f"<{__name__}.Bare>"


def test_subclasses_of_plain_types_lose_what_they_add():
    class Loud(str):
        def __str__(self):
            raise ValueError("never asked")

        isascii = encode = replace = __len__ = __str__

    assert type(sanitize(Loud("abc"))) is str


# Containers
@pytest.mark.parametrize(
    ("value", "copy"),
    [
        ((1, 2), [1, 2]),
        (Point(1, 2), [1, 2]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (map(str, [1, 2]), ["1", "2"]),
        ((n for n in range(3)), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (UserDict({"a": (1,)}), {"a": [1]}),
    ],
)
def test_containers_become_lists_and_objects(value, copy):
    assert sanitize(value) == copy


def test_an_open_file_is_not_read(tmp_path):
    path = tmp_path / "audit.log"
    path.write_text("line\n")

    with path.open() as file:
        copy = sanitize(file)
        rest = file.read()

    assert (type(copy), rest) == (str, "line\n")


def test_a_set_of_many_types_comes_out_in_one_order():
    assert sanitize({"b", 3, None, "a", 1.5, (2, "x"), frozenset({"q", 1})}) == [
        1.5,
        3,
        "a",
        "b",
        [1, "q"],
        [2, "x"],
        None,
    ]


def test_the_order_of_a_set_does_not_depend_on_the_process():
    script = (
        "import json; from tocsin.events.sanitize import sanitize;"
        "print(json.dumps(sanitize({'a', 'b', 'c', None, 1, (frozenset('xyz'), 'k'), frozenset('uvw')})))"
    )

    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(printed) == 1


def test_a_dataclass_becomes_an_object_of_its_fields():
    @dataclass
    class Login:
        user: str
        tries: int = 3
        tags: list[object] = field(default_factory=lambda: [Level.HIGH])
        seen: ClassVar[int] = 1
        pepper: InitVar[str] = ""

    assert sanitize(Login("alice")) == {"user": "alice", "tries": 3, "tags": [3]}


def test_a_dataclass_with_slots_becomes_an_object_of_its_fields():
    @dataclass(slots=True, frozen=True)
    class Login:
        user: str
        at: datetime

    assert sanitize(Login("alice", datetime(2026, 1, 1))) == {"user": "alice", "at": "2026-01-01T00:00:00Z"}


def test_a_dataclass_is_read_without_running_its_code():
    @dataclass
    class Trap:
        user: str

        def __getattribute__(self, name):
            raise AssertionError(f"asked for {name}")

        __iter__ = __len__ = __str__ = __repr__ = __getattribute__

    assert sanitize(Trap("alice")) == {"user": "alice"}


def test_a_pydantic_model_becomes_an_object():
    class Account(BaseModel):
        id: UUID
        password: SecretStr
        parent: "Account | None" = None

    account = Account(id=UUID(int=1), password="hunter2", parent=Account(id=UUID(int=2), password="x"))

    assert sanitize(account) == {
        "id": f"{1:032x}",
        "password": "**********",
        "parent": {"id": f"{2:032x}", "password": "**********", "parent": None},
    }
