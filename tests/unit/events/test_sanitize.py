"""Whatever goes in, what comes out is JSON of bounded depth, width and size, and says where it was cut."""

import json
import math
import subprocess
import sys
from collections import OrderedDict, UserDict, UserString, deque, namedtuple
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from tocsin.events.sanitize import Limits, sanitize

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Neither NUL nor surrogates: what is JSON already.
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), inner)
    ),
    max_leaves=20,
)
KEYS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100) | st.binary(max_size=4)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=100)
    | st.text('\x01\0\ud800"\\é漢😀', max_size=300)
    | st.binary(max_size=50)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.ip_addresses()
    | st.sets(st.integers() | st.text(max_size=3) | st.none() | st.tuples(st.booleans())),
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=12)
        | st.lists(inner, max_size=5).map(iter)
        | st.lists(inner, max_size=5).map(deque)
    ),
    max_leaves=60,
)
LIMITS = st.builds(
    Limits,
    depth=st.integers(2, 40),
    width=st.integers(1, 20),
    text=st.integers(64, 400),
    key=st.integers(64, 100),
    size=st.integers(2_048, 6_000),
)


class Colour(Enum):
    RED = "red"
    MIXED = (1, {"a": 2})


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


Point = namedtuple("Point", ["x", "y"])


class Bare:
    """Has no text of its own."""


class Raising:
    """Raises from whatever is asked of it."""

    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__

    def __getattr__(self, name):
        raise ValueError(name)


class RaisingMapping(UserDict):
    def __iter__(self):
        yield from ["a", "b"]
        raise LookupError("no more keys")


class StrangeMeta(type):
    @property
    def __name__(cls):
        raise ValueError("no name")


class Strange(metaclass=StrangeMeta):
    def __str__(self):
        raise ValueError("no text")


class LyingClass:
    @property
    def __class__(self):
        raise ValueError("no class")


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def nested(kind: type, levels: int) -> object:
    value: object = "core"
    for _ in range(levels):
        value = {"a": value} if kind is dict else kind([value])
    return value


# What is JSON already


@given(JSON)
def test_json_is_copied_as_it_is(value):
    assert sanitize(value) == value


def test_the_copy_shares_no_container_with_the_original():
    original = {"list": [1], "object": {}}

    copy = sanitize(original)
    original["list"].append(2)

    assert copy == {"list": [1], "object": {}}


def test_falsy_items_of_a_list_are_kept():
    assert sanitize([0, "", None, False, [], {}, 0.0]) == [0, "", None, False, [], {}, 0.0]


def test_the_order_of_keys_is_kept_across_scalars_and_containers():
    assert list(sanitize({"z": [1], "a": 1, "m": {"x": 1}, "b": 2})) == ["z", "a", "m", "b"]


def test_a_value_that_is_shared_but_not_cyclic_is_copied_at_each_place():
    shared = [1]

    assert sanitize({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


# Numbers


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")]
)
def test_what_json_has_no_number_for_is_null(value):
    assert sanitize([value]) == [None]


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_an_integer_of_64_bits_stays_a_number(value):
    assert sanitize(value) == value


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400])
def test_a_greater_integer_becomes_its_digits(value):
    assert sanitize(value) == str(value)


def test_an_integer_that_python_would_not_write_in_decimal_becomes_hexadecimal():
    assert sanitize(16**5_000) == "0x1" + "0" * 5_000


def test_the_sign_of_zero_is_kept():
    assert math.copysign(1, sanitize(-0.0)) == -1


# Strings, bytes and keys


def test_nul_characters_are_replaced():
    assert sanitize({"a\0b": "c\0\0d"}) == {"a\ufffdb": "c\ufffd\ufffdd"}


def test_lone_surrogates_are_replaced_in_values_and_keys():
    assert sanitize({"\udc00k": "a\ud800b é"}) == {"\ufffdk": "a\ufffdb é"}


@pytest.mark.parametrize("value", [b"caf\xc3\xa9", bytearray(b"caf\xc3\xa9"), memoryview(b"caf\xc3\xa9")])
def test_bytes_in_utf8_become_their_text(value):
    assert sanitize(value) == "café"


def test_other_bytes_become_base64():
    assert sanitize(b"\xff\x00\x10") == "/wAQ"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *((None, "null"), (True, "true"), (7, "7"), (1.5, "1.5"), (2**70, str(2**70)), (Word.YES, "yes")),
        *((b"k", "k"), ((1, "a"), "(1, 'a')"), (UUID(int=5), f"{5:032x}"), (date(2026, 1, 2), "2026-01-02")),
    ],
)
def test_a_key_that_is_no_string_becomes_one(key, name):
    assert sanitize({key: 1}) == {name: 1}


def test_keys_that_come_out_alike_are_kept_apart():
    assert sanitize({1: "a", "1": "b", "1\0": "c", "1\ud800": "d", "1 (2)": "e"}) == {
        "1": "a",
        "1 (2)": "b",
        "1\ufffd": "c",
        "1\ufffd (2)": "d",
        "1 (2) (2)": "e",
    }


def test_keys_that_are_alike_once_cut_are_kept_apart_within_the_limit():
    keys = sanitize({"k" * 300 + str(n): n for n in range(20)})

    assert len(keys) == 20
    assert max(map(len, keys)) <= 256


def test_a_key_that_cannot_be_read_is_marked():
    assert sanitize({Raising(): 1}) == {"… [unreadable: Raising raised ValueError]": 1}


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


# What raises, and what never ends


@pytest.mark.parametrize("kind", ["Raising", "Strange"])
def test_an_object_that_raises_is_marked_as_unreadable(kind):
    value = {"Raising": Raising, "Strange": Strange}[kind]()

    assert sanitize([value, 1]) == [f"… [unreadable: {kind} raised ValueError]", 1]


def test_an_object_that_lies_about_its_class_is_taken_for_what_it_is():
    assert sanitize(LyingClass()) == f"<{__name__}.LyingClass>"


def test_what_an_iterator_gave_before_it_raised_is_kept():
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ConnectionError("gone")

    assert sanitize({"rows": failing(), "user": "alice"}) == {
        "rows": [1, 2, "… [cut: ConnectionError while reading]"],
        "user": "alice",
    }


def test_what_a_mapping_gave_before_it_raised_is_kept():
    assert sanitize(RaisingMapping(a=1, b=2)) == {"a": 1, "b": 2, "…": "… [cut: LookupError while reading]"}


def test_an_endless_iterator_is_cut():
    def endless() -> Iterator[int]:
        while True:
            yield 7

    assert sanitize(endless(), limits=Limits(width=4)) == [7, 7, 7, "… [cut: more items]"]


def test_endless_iterators_of_endless_iterators_are_cut():
    def endless() -> Iterator[object]:
        while True:
            yield endless()

    assert size(sanitize(endless(), limits=Limits(size=3_000))) <= 3_000


@pytest.mark.parametrize(("key", "cyclic"), [(0, [None]), ("self", {"self": None})])
def test_a_cycle_is_marked(key, cyclic):
    cyclic[key] = [1, cyclic]

    assert sanitize(cyclic)[key] == [1, "… [cut: contains itself]"]


@pytest.mark.parametrize("kind", [list, tuple, dict, deque])
def test_ten_thousand_levels_are_cut_at_the_depth(kind):
    copy = sanitize(nested(kind, 10_000))

    assert depth(copy) == 32
    assert "… [cut: nested too deeply]" in json.dumps(copy, ensure_ascii=False)


def test_a_value_at_the_deepest_level_is_kept():
    assert sanitize(nested(list, 32)) == nested(list, 32)


def test_a_value_that_multiplies_by_sharing_is_cut():
    value: object = "ha"
    for _ in range(40):
        value = [value] * 10

    assert size(sanitize(value, limits=Limits(size=5_000))) <= 5_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING)
def test_anything_becomes_json_that_reads_back_as_it_was(value):
    copy = sanitize(value)

    assert json.loads(json.dumps(copy, ensure_ascii=False, allow_nan=False).encode()) == copy


# Limits


def test_a_long_string_says_how_much_is_missing():
    copy = sanitize("x" * 40_000)

    assert copy.endswith("x… [cut: 7262 more characters]")
    assert copy.count("x") + 7262 == 40_000


def test_a_string_of_just_the_limit_is_kept():
    assert sanitize("x" * 32_768) == "x" * 32_768


def test_a_long_key_says_how_much_is_missing():
    (key,) = sanitize({"k" * 1_000: 1})

    assert key == "k" * 227 + "… [cut: 773 more characters]"


def test_a_wide_list_says_how_many_items_are_missing():
    assert sanitize(list(range(50)), limits=Limits(width=3)) == [0, 1, "… [cut: 48 more items]"]


def test_a_wide_object_says_how_many_entries_are_missing():
    value = {str(n): n for n in range(50)}

    assert sanitize(value, limits=Limits(width=3)) == {"0": 0, "1": 1, "…": "… [cut: 48 more items]"}


def test_a_list_of_just_the_limit_is_kept():
    assert sanitize([1, 2, 3], limits=Limits(width=3)) == [1, 2, 3]


def test_the_mark_does_not_take_the_place_of_a_key_of_that_name():
    value = {"…": "mine", **{str(n): n for n in range(9)}}

    assert sanitize(value, limits=Limits(width=2)) == {"…": "mine", "… (2)": "… [cut: 9 more items]"}


def test_a_cut_of_a_cut_counts_what_was_missing_before():
    value = sanitize([list(range(5_000)), "x" * 5_000], limits=Limits(width=500, text=1_000))

    copy = sanitize(value, limits=Limits(width=2, text=64))

    assert copy == [[0, "… [cut: 4999 more items]"], "x" * 35 + "… [cut: 4965 more characters]"]


def test_a_cut_of_a_cut_keeps_why_an_iterator_ended():
    value = [1, 2, 3, "… [cut: ConnectionError while reading]"]

    assert sanitize(value, limits=Limits(width=2)) == [1, "… [cut: ConnectionError while reading]"]


def test_where_the_whole_is_too_large_long_strings_are_shortened_first():
    value = {"body": ["x" * 30_000] * 20, "user": {"name": "alice", "groups": ["admins"]}, "numbers": list(range(300))}

    copy = sanitize(value)

    assert (copy["user"], copy["numbers"]) == (value["user"], value["numbers"])
    assert len(copy["body"]) == 20
    assert all(" more characters]" in text for text in copy["body"])


def test_one_swollen_branch_does_not_push_out_what_stands_behind_it():
    value = {"rows": [[["z" * 300] * 100] * 100] * 10, "user": {"name": "alice", "on": {"behalf": {"of": "bob"}}}}

    copy = sanitize(value)

    assert copy["user"] == value["user"]


def test_the_room_is_used_where_something_has_to_be_cut():
    assert size(sanitize(["x" * 30_000] * 20)) > 100_000


def test_control_characters_count_as_what_json_makes_of_them():
    assert size(sanitize(["\x01" * 30_000] * 30)) <= 200_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, LIMITS)
def test_every_limit_is_held_for_anything(value, limits):
    copy = sanitize(value, limits=limits)

    assert size(copy) <= limits.size
    assert depth(copy) <= limits.depth
    pending = [copy]
    for part in pending:
        if isinstance(part, str):
            assert len(part) <= limits.text
        if isinstance(part, dict):
            assert max(map(len, part), default=0) <= limits.key
            pending.extend(part.values())
        if isinstance(part, list):
            pending.extend(part)
        if isinstance(part, list | dict):
            assert len(part) <= limits.width


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, LIMITS)
def test_sanitizing_twice_is_sanitizing_once(value, limits):
    copy = sanitize(value, limits=limits)

    assert sanitize(copy, limits=limits) == copy


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, ANYTHING), LIMITS)
def test_a_dict_gives_a_dict(value, limits):
    assert type(sanitize(value, limits=limits)) is dict


@pytest.mark.parametrize(
    "limit", [{"depth": 1}, {"depth": 101}, {"width": 0}, {"text": 63}, {"key": 63}, {"size": 2_047}]
)
def test_limits_without_room_for_a_mark_are_refused(limit):
    with pytest.raises(ValueError, match=next(iter(limit))):
        Limits(**limit)


@pytest.mark.parametrize(
    ("value", "copy"),
    [({"a": 1}, {"…": "… [cut: no memory left to read it]"}), ([1], "… [cut: no memory left to read it]")],
)
def test_without_stack_or_memory_there_is_still_a_copy(value, copy, monkeypatch):
    def exhausted(walk, value):
        raise RecursionError

    monkeypatch.setattr("tocsin.events.sanitize._Walk.copy", exhausted)

    assert sanitize(value) == copy
