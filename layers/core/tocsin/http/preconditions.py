"""If-Match and If-None-Match (RFC 9110, section 13): a change is made to the version that its author has seen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Self

import orjson

from tocsin.errors import Invalid, PreconditionFailed, Violation
from tocsin.records import dataclass
from tocsin.types import JsonObject

_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e]*"\s*)*')
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_ANY = "*"
_NOT_OF_THE_VERSION = frozenset({"last_used", "state"})
"""Fields that change although nobody changes anything."""


def etag_of(shown: JsonObject) -> str:
    """The strong entity tag of an entry as it is shown, quotes included: the same for the same entry."""
    kept = {field: value for field, value in shown.items() if field not in _NOT_OF_THE_VERSION}
    return f'"{hashlib.sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a request asks of the version that is there. Empty tuples ask nothing."""

    match: tuple[str, ...] = ()
    none_match: tuple[str, ...] = ()

    @classmethod
    def parse(cls, headers: Mapping[str, str]) -> Self:
        """Of a request's headers, names in lower case. Invalid where one is neither `*` nor a list of tags."""
        return cls(_tags(headers, "if-match"), _tags(headers, "if-none-match"))

    def for_representation(self, mark: str) -> Self:
        """The same of tags that end with `mark`, which tells one representation of a version from another."""
        return type(self)(
            tuple(tag.removesuffix(f'{mark}"') + '"' if tag.endswith(f'{mark}"') else tag for tag in self.match),
            tuple(tag.removesuffix(f'{mark}"') + '"' if tag.endswith(f'{mark}"') else tag for tag in self.none_match),
        )

    def check(self, shown: JsonObject | None) -> None:
        """PreconditionFailed where the entry, None where there is none, is not as the request's author thinks."""
        tag = None if shown is None else etag_of(shown)
        # If-Match compares strongly: a weak tag matches nothing.
        if self.match and (tag is None or not {_ANY, tag} & set(self.match)):
            now = "it is not there" if tag is None else f"its ETag is {tag} now"
            raise PreconditionFailed(f"If-Match names another version: {now}; read it again")
        if tag is not None and self.holds_none_match(tag):
            raise PreconditionFailed(f"If-None-Match: it is there already, with the ETag {tag}")

    def holds_none_match(self, tag: str) -> bool:
        """Whether If-None-Match names `tag`: a reader has this version already, a writer must not replace it."""
        return bool({_ANY, tag} & {each.removeprefix("W/") for each in self.none_match})


def _tags(headers: Mapping[str, str], name: str) -> tuple[str, ...]:
    given = headers.get(name)
    if given is None:
        return ()
    if given.strip() == _ANY:
        return (_ANY,)
    if not _TAGS.fullmatch(given):
        raise Invalid([Violation(name, 'must be * or entity tags in quotes, as in "0123abcd"')])
    return tuple(_TAG.findall(given))
