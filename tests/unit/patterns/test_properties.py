"""Pattern and PatternIndex held against a third evaluator, written for nothing but to be simple.

The evaluator reads definitions as they stand, knows no tables, bits or trees, and tries every choice of
array elements. It shares no code with the package.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import random
import re
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns import Pattern, PatternError, PatternIndex
from tocsin.patterns.casing import fold

RECORDS = Path(__file__).parents[2] / "data" / "audit_logs.jsonl"


# --- The simple evaluator ------------------------------------------------------------------------------


def expected(definition, event):
    found = list(leaves(event))
    return any(holds(sorted(alternative.items()), found, {}) for alternative in expand([{}], "", definition))


def expand(alternatives, prefix, definition):
    for name, value in definition.items():
        if name == "$or":
            branches = [expand([dict(alternative) for alternative in alternatives], prefix, branch) for branch in value]
            alternatives = list(itertools.chain(*branches))
        elif isinstance(value, dict):
            alternatives = expand(alternatives, f"{prefix}{name}.", value)
        else:
            for alternative in alternatives:
                alternative[f"{prefix}{name}"] = value
    return alternatives


def leaves(value, path=None, places=(), numbers=None):
    numbers = numbers or itertools.count()
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name if path is None else f"{path}.{name}", places, numbers)
    elif isinstance(value, list):
        array = next(numbers)
        for at, element in enumerate(value):
            inside = (*places, (array, at)) if isinstance(element, dict | list) else places
            yield from leaves(element, path, inside, numbers)
    else:
        yield path, value, dict(places)


def holds(conditions, found, chosen):
    if not conditions:
        return True
    (path, values), *rest = conditions
    reachable = [
        (leaf, places)
        for at, leaf, places in found
        if at == path and all(chosen.get(array, element) == element for array, element in places.items())
    ]
    if {"exists": False} in values and not reachable and holds(rest, found, chosen):
        return True
    return any(
        holds(rest, found, chosen | places) for leaf, places in reachable if any(meets(leaf, value) for value in values)
    )


def meets(leaf, value):
    if not isinstance(value, dict):
        return same(leaf, value)
    ((operator, operand),) = value.items()
    if operator == "exists":
        return operand
    if operator == "anything-but":
        return not any(meets(leaf, excluded) for excluded in exclusions(operand))
    if operator == "numeric":
        return is_number(leaf) and all(
            compare(leaf, sign, limit) for sign, limit in itertools.batched(operand, 2, strict=True)
        )
    if not isinstance(leaf, str):
        return False
    if operator == "cidr":
        return in_block(leaf, operand)
    if operator == "wildcard":
        literal = "".join(
            ".*" if token == "*" else re.escape(token[-1]) for token in re.findall(r"\\.|.", operand, re.DOTALL)
        )
        return re.fullmatch(literal, leaf, re.DOTALL) is not None
    ends = ends_of_case_blind(operand["equals-ignore-case"]) if isinstance(operand, dict) else {operand}
    if operator == "prefix":
        return any(leaf.startswith(text) for text in ends)
    if operator == "suffix":
        return any(leaf.endswith(text) for text in ends)
    if operator == "equals-ignore-case":
        return leaf in ends_of_case_blind(operand)
    raise AssertionError(operator)


def exclusions(operand):
    if isinstance(operand, dict):
        ((operator, texts),) = operand.items()
        return [{operator: text} for text in (texts if isinstance(texts, list) else [texts])]
    return operand if isinstance(operand, list) else [operand]


def ends_of_case_blind(text):
    forms = [{character, character.lower(), character.upper()} for character in text]
    return {"".join(choice) for choice in itertools.product(*forms)}


def is_number(leaf):
    return isinstance(leaf, int | float) and not isinstance(leaf, bool)


def same(leaf, value):
    if is_number(leaf) and is_number(value):
        return leaf == value
    return type(leaf) is type(value) and leaf == value


def compare(leaf, sign, limit):
    return {
        "=": leaf == limit,
        "<": leaf < limit,
        "<=": leaf <= limit,
        ">": leaf > limit,
        ">=": leaf >= limit,
    }[sign]


def in_block(leaf, block):
    try:
        return ipaddress.ip_address(leaf) in ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False


# --- Events, and rules that are made from them so that they nearly hold ---------------------------------------

NAMES = ["a", "b", "c", "a.b", "b.c"]
TEXTS = ["", "a", "ab", "abc", "abcabc", "B", "Ab", "bca", "a*c", "a\\c", "ß", "SS", "É", "ıi", "K", "1", "true"]
ADDRESSES = ["10.0.0.1", "10.0.1.1", "10.0.0.256", "192.168.7.9", "2001:db8::1", "2001:DB8:1::", "::1"]
BLOCKS = ["10.0.0.0/24", "10.0.0.9/8", "0.0.0.0/0", "192.168.0.77/17", "2001:db8::/32", "2001:db8::/127"]
NUMBERS = [0, 1, -1, 1.0, 2, 2.5, -2.5, 5, 5e0, 1e3, 5_000_000_000, -4.9e9, 10**12, 10**30, -(2**70), 0.1]
LIMITS = sorted({number for number in NUMBERS if abs(number) <= 5_000_000_000})
WILDCARDS = ["*", "a*", "*c", "a*c", "*b*", "*bca*", "a*b*c", "a\\*c", "*\\\\*", "", "abc", "b*a", "*ab*c*"]


class Maker:
    """Events with few names and values, deep in arrays, and rules from what an event has."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def scalar(self):
        return self.random.choice([*TEXTS, *TEXTS, *NUMBERS, *ADDRESSES, True, False, None])

    def event(self, depth=0):
        names = self.random.sample(NAMES, self.random.randint(depth == 0, 3))
        return {name: self.value(depth + 1) for name in names}

    def value(self, depth):
        kind = self.random.random()
        if depth > 4 or kind < 0.35:
            return self.scalar()
        if kind < 0.6:
            return self.event(depth)
        return [self.value(depth + self.random.randint(0, 2)) for _ in range(self.random.randint(0, 3))]

    def rule(self, event):
        definition = {}
        found = list(leaves(event)) or [("a", "a", {})]
        for path, leaf, _ in self.random.choices(found, k=self.random.randint(1, 4)):
            self.put(definition, path, self.condition(leaf))
        if self.random.random() < 0.2:
            branches = [self.rule(event) for _ in range(self.random.randint(2, 3))]
            self.random.choice([definition, *branches])["$or"] = branches[:2] if len(branches) > 2 else branches
        return definition

    def put(self, definition, path, condition):
        """Nest the path somehow: all spellings of it are the same."""
        steps = path.split(".")
        while len(steps) > 1 and self.random.random() < 0.7:
            inner = definition.get(steps[0], {})
            if not isinstance(inner, dict):
                break
            definition[steps.pop(0)] = inner
            definition = inner
        if not isinstance(definition.get(".".join(steps)), dict):
            definition[".".join(steps)] = condition

    def condition(self, leaf):
        values = [self.near(leaf)]
        while self.random.random() < 0.3:
            values.append(self.near(self.scalar()))
        self.random.shuffle(values)
        return values

    def near(self, leaf):
        choose = self.random.choice
        if self.random.random() < 0.2:
            return {"exists": choose([True, False, False])}
        if self.random.random() < 0.2:
            return {"anything-but": self.exception(leaf)}
        if self.random.random() < 0.3:
            return leaf if self.random.random() < 0.8 else self.scalar()
        if is_number(leaf):
            return {"numeric": self.numeric(leaf)}
        if not isinstance(leaf, str):
            return leaf
        if leaf in ADDRESSES and self.random.random() < 0.7:
            return {"cidr": choose(BLOCKS)}
        return self.text_expression(leaf)

    def text_expression(self, leaf):
        choose = self.random.choice
        operator = choose(["prefix", "suffix", "wildcard", "equals-ignore-case", "prefix", "suffix"])
        if operator == "wildcard":
            return {"wildcard": choose(WILDCARDS)}
        cut = self.random.randint(0, len(leaf))
        text = {"prefix": leaf[:cut], "suffix": leaf[cut:], "equals-ignore-case": leaf}[operator]
        text = choose([text, text.upper(), text.lower(), choose(TEXTS)])
        if operator == "equals-ignore-case" or self.random.random() < 0.6:
            return {operator: text}
        return {operator: {"equals-ignore-case": text}}

    def exception(self, leaf):
        if is_number(leaf):
            return self.random.choice([leaf, [leaf, 1], 2.5])
        texts = [text for text in (leaf, *self.random.choices(TEXTS, k=2)) if isinstance(text, str) and text]
        operator = self.random.choice([None, "prefix", "suffix", "equals-ignore-case", "wildcard"])
        if not texts:
            return "abc"
        if operator == "wildcard":
            return {operator: self.random.choice([self.random.choice(WILDCARDS), ["a*", "*b*"]])}
        operand = self.random.choice([texts[0], texts])
        return {operator: operand} if operator else operand

    def numeric(self, leaf):
        choose = self.random.choice
        if self.random.random() < 0.5:
            return [choose(["=", "<", "<=", ">", ">="]), choose([*LIMITS, *({leaf} & set(LIMITS))])]
        low, high = sorted(self.random.sample(LIMITS, 2))
        return [choose([">", ">="]), low, choose(["<", "<="]), high]


def accepted(definition):
    """Some wildcards that come together are too complex, and some rules come out empty."""
    try:
        Pattern(definition)
    except PatternError:
        return False
    return True


def make(seed, *, rules, events):
    """Rules that are accepted, and events."""
    maker = Maker(seed)
    happened = [maker.event() for _ in range(events)]
    made = (maker.rule(maker.random.choice(happened)) for _ in range(rules))
    return [rule for rule in made if accepted(rule)], happened


@given(st.integers(0, 2**32 - 1))
def test_the_index_and_the_pattern_agree_with_the_simple_evaluator(seed):
    rules, happened = make(seed, rules=40, events=8)
    index = PatternIndex(dict(enumerate(rules)))
    patterns = [Pattern(rule) for rule in rules]

    for event in happened:
        names = index.match(event)
        matches = [pattern.matches(event) for pattern in patterns]

        wanted = [expected(rule, event) for rule in rules]
        assert matches == wanted, event
        assert names == {at for at, is_match in enumerate(wanted) if is_match}, event


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 500, 5_000]))
def test_what_the_index_may_remember_does_not_change_its_answers(seed, memory):
    rules, happened = make(seed, rules=30, events=10)
    index = PatternIndex(dict(enumerate(rules)), memory=memory)
    reference = PatternIndex(dict(enumerate(rules)))

    for event in happened * 2:
        assert index.match(event) == reference.match(event)


@given(st.integers(0, 2**32 - 1))
def test_an_event_matches_the_same_rules_in_whatever_spelling(seed):
    rules, happened = make(seed, rules=30, events=10)
    index = PatternIndex(dict(enumerate(rules)))

    for event in happened:
        respelt = json.loads(json.dumps(joined(event)))
        assert index.match(respelt) == index.match(event), event


def joined(value):
    """The event with each object that has one member, and is itself a member, written as a dotted name."""
    if isinstance(value, list):
        return [joined(element) for element in value]
    if not isinstance(value, dict):
        return value
    members = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and len(inner) == 1:
            ((further, innermost),) = inner.items()
            dotted = f"{name}.{further}"
            if dotted not in value and dotted not in members:
                members[dotted] = joined(innermost)
                continue
        members[name] = joined(inner)
    return members


def audit_rules(records, count):
    """Rules of every kind, each from a record that it nearly matches."""
    maker = Maker(11)
    rules = []
    while len(rules) < count:
        found = [(path, leaf) for path, leaf, _ in leaves(maker.random.choice(records))]
        definition = {}
        for path, leaf in maker.random.sample(found, min(len(found), maker.random.randint(1, 3))):
            maker.put(definition, path, maker.condition(leaf))
        if accepted(definition):
            rules.append(definition)
    return rules


def test_the_index_agrees_with_the_patterns_on_audit_records():
    records = [json.loads(line)["log"] for line in RECORDS.read_text().splitlines()]
    rules = audit_rules(records, 150)
    patterns = [Pattern(rule) for rule in rules]
    index = PatternIndex(dict(enumerate(patterns)))

    for record in records:
        names = index.match(record)

        assert names == {at for at, pattern in enumerate(patterns) if pattern.matches(record)}


def test_the_folded_form_of_a_character_is_that_of_its_cases():
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)

    differing = [c for c in characters if len({fold(c), fold(c.lower()), fold(c.upper())}) > 1]

    assert differing == []
