"""Expressions that could take too much, and events that make expressions dear.

Run as a program, it evaluates all that are accepted on all events, and prints the worst time and memory.
"""

import contextlib
import json
import random
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tocsin.expressions import Expression, ExpressionError, bind
from tocsin.types import Json, JsonObject

C = "event.context"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "correct-horse-battery-staple"


def doubled(value: str, times: int) -> str:
    """Return `value`, doubled again and again by loops over one element."""
    return f"[{value}]" + ".map(x, x + x)" * times + "[0].size() > 0"


def bound(first: str, step: str, last: str, times: int) -> str:
    """Return nested binds, each made from the one before: `step` and `last` speak of `{x}`."""
    source = "".join(f"cel.bind(x{n}, {step.replace('{x}', f'x{n - 1}') if n else first}, " for n in range(times))
    return source + last.replace("{x}", f"x{times - 1}") + ")" * times


def repeated(part: str, times: int, operator: str = "&&") -> str:
    """Return `part` joined with itself."""
    return operator.join([part] * times)


def zeros(count: int) -> str:
    """Return a list literal."""
    return f"[{', '.join('0' * count)}]"


# Could take too much on the smallest event: nobody may store them.
NEVER = {
    "text doubled": doubled(f"{C}.text", 24),
    "a literal doubled": doubled("'aaaaaaaaaa'", 24),
    "a list doubled": doubled(f"{C}.list", 24),
    "text doubled by bind": bound(f"{C}.text", "{x} + {x}", "{x}.size() > 0", 24),
    "a tree of shared branches compared": bound("[1]", "[{x}, {x}]", "{x} == {x}", 20),
    "a tree of shared branches returned": bound("[1]", "[{x}, {x}]", "{x}", 20),
    "a tree of shared maps returned": bound("{'a': 1}", "{'a': {x}, 'b': {x}}", "{x}", 20),
    "text replaced by itself": f"{C}.text" + f".replace('', {C}.text)" * 3 + ".size() > 0",
    "text joined by itself": f"{C}.text" + f".split('').join({C}.text)" * 3 + ".size() > 0",
    "five loops in each other": "".join(f"{C}.list.all(v{n}, " for n in range(5)) + "true" + ")" * 5,
    "four loops over literals": "".join(f"{zeros(12)}.all(v{n}, " for n in range(4)) + "true" + ")" * 4,
    "a large list copied": f"{zeros(600)}.map(x, x).size() > 0",
    "a list of lists": f"{zeros(300)}.map(x, {zeros(300)}).size() > 0",
    "a long body": f"{zeros(400)}.all(x, {repeated('x==x', 100)})",
    "a Unicode class, repeated": f"{C}.text.matches('\\\\pL{{100}}')",
    "Unicode classes in brackets": f"{C}.text.matches('[\\\\pL\\\\pN]{{10}}')",
    "repetitions in each other": f"{C}.text.matches('((a{{30}}){{30}}){{30}}')",
    "optional repetitions": f"{C}.text.matches('(a{{0,30}}){{0,30}}')",
    "a pattern behind a quote": f"{C}.text.matches('(\\\\Q)\\\\E.{{100}}){{100}}')",
    "many Unicode classes": repeated("'a'.matches('\\\\pL')", 60),
    "many large patterns": repeated("'a'.matches('a{1000}')", 60),
    "a pattern from the event": f"'a'.matches({C}.text)",
    "a time zone from the event": f"now.getHours({C}.text) > 1",
    "too long": "true || " + "x" * 2_000,
    "parentheses": "(" * 900 + "1" + ")" * 900,
    "lists": "[" * 900 + "]" * 900,
    "maps": "{1:" * 400 + "1" + "}" * 400,
    "ternaries": "true?1:" * 280 + "1",
    "fields": "event.context" + ".a" * 900,
    "indices": "event.context" + "[0]" * 600,
    "sums": repeated("1", 900, "+"),
    "calls": "size(" * 330 + "[]" + ")" * 330,
    "methods": "''" + ".trim()" * 280,
    "optionals": "event.context" + ".?a" * 600,
    "loops": "".join(f"[1].exists(x{n}, " for n in range(90)) + "true" + ")" * 90,
}


# Fine on an event of everyday size; refused on those that would make them dear.
SOMETIMES = {
    "text doubled": doubled(f"{C}.text", 4),
    "a list doubled": doubled(f"{C}.list", 3),
    "a list copied": f"{C}.list.map(x, x).size() > 0",
    "a list behind what could be a text": f"((event.id == '' ? dyn('a') : dyn([])) + {C}.list).map(x, x).size() > 0",
    "a list behind what could be missing": f"{C}.?absent.orValue({C}.list).map(x, x).size() > 0",
    "a list behind what could be empty": f"(event.id == '' ? [] : {C}.list).map(x, x).size() > 0",
    "a list behind an index": f"[[], {C}.list][1].map(x, x).size() > 0",
    "a list filtered": f"{C}.list.filter(x, true).size() > 0",
    "a list copied thrice": f"{C}.list.map(x, x).map(x, x).map(x, x).size() > 0",
    "every pair of a list": f"{C}.list.all(x, {C}.list.all(y, x == y || true))",
    "every pair of texts": f"{C}.texts.all(x, x in {C}.texts)",
    "lists in lists": f"{C}.lists.map(x, x.map(y, [y, y, y])).size() > 0",
    "a map walked by its keys": f"{C}.map.map(k, {C}.map[k]).size() > 0",
    "the text looked for in itself": f"{C}.text.contains({C}.text.substring({C}.text.size() / 2) + 'b')",
    "the text replaced by itself": f"{C}.text.replace('a', {C}.text).size() > 0",
    "the text in pieces": f"{C}.text.split('').map(x, x).join('--').size() > 0",
    "the text in each turn": f"{C}.list.all(x, {C}.text.lowerAscii() != '')",
    "an automaton without end": f"{C}.text.matches('(a|b)*a(a|b){{12}}c')",
    "an automaton written out": f"{C}.text.matches('a........................c')",
    "a pattern in each turn": f"{C}.texts.all(x, x.matches('^(item|foo|bar)[0-9a-z]{{1,20}}$') || true)",
    "everything compared": "event == event && event in [event] && [event, event] == [event, event]",
    "everything in each turn": f"{C}.list.all(x, event == event)",
    "everything returned": "[event, event, {'a': event}]",
    "everything sorted": f"{C}.texts.sort().size() > 0 && {C}.list.sort().size() > 0",
    "a long condition": repeated(f"{C}.text + 'a' != ''", 60),
    "a list of everything": f"[{', '.join(['event'] * 100)}] == [{', '.join(['event'] * 100)}]",
}


# Dear to look at, cheap to run.
ALWAYS = {
    "negations": "!" * 1_990 + "true",
    "signs": "-" * 1_990 + "1",
    "conditions": repeated("true", 330),
    "a long list": f"{zeros(600)}.size() > 0",
    "a long literal": f"'{'a' * 1_990}'",
    "a small tree of shared branches": bound("[1]", "[{x}, {x}]", "{x} == {x}", 12),
    "zones": repeated("now.getHours('Europe/Berlin') > -1", 50),
    "nested results": "[" * 28 + "event.id" + "]" * 28,
    "loops over one": "".join(f"[1].exists(x{n}, " for n in range(28)) + "true" + ")" * 28,
    "overflow": "timestamp('9999-12-31T23:59:59Z') + duration('87660000h') > now",
    "numbers": "9223372036854775807 * 9223372036854775807 > 0 || double('1e400') > 1.0",
    "nested optionals": "optional.of(" * 28 + "1" + ")" * 28 + ".hasValue()",
}


def nested(depth: int) -> Json:
    value: Json = 1
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return value


def event(**context: Json) -> JsonObject:
    small: JsonObject = {"text": "aa", "list": [1, 2], "texts": ["a", "b"], "lists": [[1]], "map": {"a": 1}}
    return {"id": "1", "action": "custom_a", "context": {**small, "secret": SECRET, **context}}


def events() -> dict[str, JsonObject]:
    """Return events that are hard on an expression: up to the 400 KB of a stored one."""
    letters = random.Random(5).choices("ab", k=200_000)
    return {
        "small": event(),
        "lists of 1,000": event(
            text="a" * 1_000,
            list=list(range(1_000)),
            texts=[f"item{n}" for n in range(1_000)],
            lists=[list(range(30)) for _ in range(30)],
            map={f"key{n}": n for n in range(1_000)},
        ),
        "lists of 9,000": event(list=list(range(9_000)), texts=["item"] * 9_000, lists=[[1] * 90] * 90),
        "200 KB of text": event(text="".join(letters), texts=["a" * 1_000] * 100, map={"a": "x" * 10_000}),
        "40,000 small values": event(
            list=[[] for _ in range(20_000)], texts=[""] * 20_000, map={str(n): {} for n in range(10_000)}
        ),
        "deep": event(list=nested(200), texts=[nested(30)] * 50, map=nested(32), lists=[nested(60)] * 50),
    }


def main() -> None:
    """Run every accepted expression of the corpus on every event; print the worst time and memory as JSON."""
    hard = {name: bind(event=value, user=None, now=NOW) for name, value in events().items()}
    first = Expression.compile("event.id")
    for bindings in hard.values():
        first.evaluate(bindings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = (0.0, "", "")
    for title, source in {**SOMETIMES, **ALWAYS}.items():
        expression = Expression.compile(source)
        for name, bindings in hard.items():
            started = time.perf_counter()
            with contextlib.suppress(ExpressionError):
                expression.evaluate(bindings)
            slowest = max(slowest, (time.perf_counter() - started, title, name))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    report = {"seconds": slowest[0], "slowest": slowest[1:], "megabytes": peak / 1024, "file": Path(__file__).name}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
