"""What the client has in common with the server is one thing, on every Python that the client is for."""

import json
import re

import pytest

from local.shared_modules import SHARED, copies
from tests.unit.client.pythons import pythons, run
from tocsin.events import redact, sanitize
from tocsin.events.model import EventAction, stored_action
from tocsin_client import EventAction as ClientAction


@pytest.mark.parametrize("path", copies(), ids=lambda path: path.name)
def test_a_shared_module_is_what_the_servers_gives(path):
    assert path.read_text("utf-8") == copies()[path], "run: make shared"


def test_nothing_else_is_said_to_be_made():
    made = {path.name for path in SHARED.glob("*.py") if "Made by `make shared`" in path.read_text("utf-8")}

    assert made == {path.name for path in copies()}


def test_the_actions_are_the_servers():
    assert {action.name: action.value for action in ClientAction} == {
        action.name: action.value for action in EventAction
    }
    assert all(stored_action(str(action)) == action.value for action in ClientAction)


@pytest.mark.parametrize("name", [path.stem for path in copies()])
def test_a_shared_module_asks_for_groups_by_number(name):
    """On Python 3.10 `Match.groups()` has groups more than the pattern's own."""
    assert ".groups()" not in (SHARED / f"{name}.py").read_text("utf-8")


# The same values are written down once, for both: as the source of a list.
VALUES = """
import collections, dataclasses, datetime, decimal, enum, fractions, functools, ipaddress, pathlib, types, uuid

class Colour(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

@dataclasses.dataclass
class Invoice:
    number: int
    tags: set

class Plain:
    pass

class Named:
    def __str__(self): return "named"

class Raising:
    def __str__(self): raise ValueError("no")

class Callable_:
    def __call__(self): pass

def function(): pass

class Users(collections.UserList): pass

itself = {"a": 1}; itself["self"] = itself
zone = datetime.timezone(datetime.timedelta(hours=2))
values = [
    None, True, 0, 2**63, -(2**63), 2**64, 10**700, 1.5, float("nan"), float("inf"), 1e300,
    "", "text", "a\\0b", "a\\ud800b", "\\U0001f600", "x" * 40_000,
    b"text", b"\\xff", bytearray(b"a"), memoryview(b"b"),
    datetime.datetime(2026, 3, 1, 12), datetime.datetime(2026, 3, 1, 12, tzinfo=zone), datetime.datetime.max,
    datetime.date(2026, 3, 1), datetime.time(1, 2), datetime.time(1, 2, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=1, microseconds=1), uuid.UUID(int=255),
    decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(1, 3), 1 + 2j,
    Colour.RED, Level.HIGH, pathlib.PurePosixPath("/a/b"), ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_network("10.0.0.0/8"), ValueError("x"), KeyError("y"), Exception(),
    ValueError, int, len, function, Plain.__init__, functools.partial(len), Callable_(), Plain(), Named(), Raising(),
    Invoice(4711, {"b", "a"}), Users([1, 2]), collections.deque([1]), collections.OrderedDict(a=1),
    collections.Counter("aab"), collections.ChainMap({"a": 1}), types.MappingProxyType({"a": 1}),
    (1, (2,)), [1, [2]], {1: "a", "1": "b", None: "c", Colour.RED: "d", (1, 2): "e"}, {3, 1, 2}, frozenset("ba"),
    {1, "a", None, 2.5}, (x for x in (1, 2, 3)), iter([1]), range(3), map(str, [1]), zip("a", "b"), {}.keys(),
    {"a": 1}.items(), reversed([1, 2]), itself, list(range(2_000)),
    functools.reduce(lambda inner, _: [inner], range(40), 1),
]
"""

TEXTS = [
    "count=3&session=abc",
    "https://alice:hunter2@example.com/?token=abc&page=2#access_token=xyz",
    "Authorization: Bearer abc.def-ghi",
    '{"authorization": "Basic dXNlcjpwYXNz"}',
    "see eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here",
    "Basic dXNlcjpwYXNz and basic training, bearer bonds",
    "/next?u=https%3A%2F%2Fx%3Ftoken%3Dsecret%26page%3D2",
    "postgres://u:p@host/db ssh://git@github.com https://ghp_abc@github.com",
    "a monkey, an author and a compass",
    "?a=1?b=2;password=p;q=3",
    "GET /accounts/password/reset/MQ/c5x2k9-8f14e45fceea167a5a36dedd4bea2543/ of %2Finvite%2Fx7k2p9q",
    'got {"field": "password", "old": "a", "tags": [{}], "new": 1} and {\\"name\\": \\"otp\\", \\"val\\": \\"x\\"}',
]
KEYS = [
    "api_key",
    "monkey",
    "author",
    "authtoken",
    "Xapikey",
    "password_change_date",
    "otp",
    "jsessionid",
    "auth_method",
]


def _shown(sanitizing, cleansing, values):
    """What becomes of all of it, as JSON, so that it can be compared across processes."""
    return {
        "values": [json.dumps(sanitizing(value), sort_keys=True) for value in values],
        "texts": [cleansing(text) for text in TEXTS],
        "keys": [cleansing({key: "value"}) for key in KEYS],
    }


def _the_servers() -> dict[str, object]:
    names: dict[str, object] = {"__name__": "values"}
    exec(VALUES, names)
    return _shown(sanitize.sanitize, redact.cleanse, names["values"])


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_the_client_does_with_values_what_the_server_does(version):
    """41 of 118 kinds of values were another thing at the client: generators were memory addresses, say."""
    if version not in pythons():
        pytest.skip(f"there is no Python {version} here")
    script = (
        "import json\n"
        "from tocsin_client._shared.redact import cleanse\n"
        "from tocsin_client._shared.sanitize import sanitize\n"
        "given = json.load(sys.stdin)\n"
        "names = {'__name__': 'values'}\n"
        "exec(given['values'], names)\n"
        "print(json.dumps({\n"
        "    'values': [json.dumps(sanitize(value), sort_keys=True) for value in names['values']],\n"
        "    'texts': [cleanse(text) for text in given['texts']],\n"
        "    'keys': [cleanse({key: 'value'}) for key in given['keys']],\n"
        "}))\n"
    )

    said = json.loads(
        run(pythons()[version], script, stdin=json.dumps({"values": VALUES, "texts": TEXTS, "keys": KEYS}))
    )

    assert said == _the_servers()


PATTERNS = [
    (r"(?<![\w.-])[\w-]++(?:\.[\w-]*+)++", 0),
    (r"a*+b|a?+c|(x)(y++)z", 0),
    (r"(a{1,3}+)(b)\2", 0),
    (r"(?P<first>[ab]++)-(?P<second>\d++)(?(first)!|\?)", 0),
    ("(?x: a++ )  # no possessive++ here\n [+]++ \\+++ ( b | c )*+ d", re.VERBOSE),
    (r"(?i:bearer|basic)[ \t]++(?!\s)(\S++)", 0),
    (r"(?:a|(?:b))*+(c)\1?", 0),  # none with a group in what is repeated: CPython loses it
    (r"[]+*]++x", re.IGNORECASE),
    (r"(?=(a+))\1b", 0),
    (r"(x)?+(?(1)y++|a)(b)\2", 0),
    (r"(?P<letter>[ab])(?P=letter)++(c)", 0),
]
SUBJECTS = [
    *("a.b.c", "aaab", "aac", "ac", "xyyz", "aabb", "ab-12!", "+++ +bcd", "a+++cbd", "bearer  x", "Basic\ty"),
    *("ababc", "aba", "]+*x", "aab", ""),
]


def test_possessive_quantifiers_are_what_they_are_on_python_3_10_too():
    if "3.10" not in pythons():
        pytest.skip("there is no Python 3.10 here")
    script = (
        "import json\n"
        "from tocsin_client._shared import regex\n"
        "patterns, subjects = json.load(sys.stdin)\n"
        "found = []\n"
        "for pattern, flags in patterns:\n"
        "    compiled = regex.compile(pattern, flags)\n"
        "    for subject in subjects:\n"
        "        for match in compiled.finditer(subject):\n"
        "            names = {name: match[name] for name in compiled.groupindex}\n"
        "            found.append([pattern, subject, match.span(), match.groups(), names])\n"
        "print(json.dumps(found))\n"
    )
    expected = []
    for pattern, flags in PATTERNS:
        compiled = re.compile(pattern, flags)
        for subject in SUBJECTS:
            for match in compiled.finditer(subject):
                expected.append([pattern, subject, list(match.span()), list(match.groups()), match.groupdict()])

    found = json.loads(run(pythons()["3.10"], script, stdin=json.dumps([PATTERNS, SUBJECTS])))

    own = {pattern: re.compile(pattern, flags).groups for pattern, flags in PATTERNS}
    assert [[*each[:3], each[3][: own[each[0]]], each[4]] for each in found] == expected
    assert len(expected) > 20
