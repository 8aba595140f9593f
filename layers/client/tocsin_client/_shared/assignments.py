# Made by `make shared` from layers/core/tocsin/events/assignments.py: change that.
"""Secrets that a text gives a name to: ``password=…``, ``"token": "…"``, ``X-Api-Key: …``, ``--password …``.

Only the value of a secret name is masked, in each notation that logs and dumps have: shell and INI, JSON, YAML,
Python's and JavaScript's, lists of pairs and of arguments, SQL, also quoted within one another; markup is
`tocsin.events.markup`'s.

``name=value`` and a name in quotes are taken at their word. ``name: value`` is prose, too ("the token: has expired"):
behind a bare name and a colon nothing is masked that begins with a word of `_PROSE`, and a name that is an everyday
word, or ends in a word that is no secret's, counts only where its value looks like a credential.
"""

from __future__ import annotations

from tocsin_client._shared import regex as re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

from tocsin_client._shared.commands import CLIENTS, mask_commands
from tocsin_client._shared.indented import BELOW, BLOCK, TAG, block, lines_below
from tocsin_client._shared.secret_names import (
    BARE_VALUE,
    CLOSERS,
    MASK,
    NAME,
    NAME_CHARACTER,
    OPENING,
    QUOTE,
    TYPED,
    Secrets,
    end_of_quoted,
    listed,
    words_of,
)

_PASSWORDS = (
    *("password", "passwd", "passphrase", "passcode", "pass", "pwd", "pw", "pswd", "psk"),
    *("passwort", "kennwort", "contrasena", "senha", "mdp"),
)
"""The last words of names whose value may have blanks in it."""
_EVERYDAY = listed("api auth key session private pass sig signature cookie credential cred bearer")
_LEAVES_NO_DOUBT = listed(
    "access account api auth client deploy encryption master private secret shared signing ssh storage"
)
"""Words before an everyday one that make it a name: "API key: …"."""
_LAST_OF_A_NAME = listed(
    "again base bytes code confirm confirmation cookie current data digest hash header hex id ids json new old pem"
    " plain plaintext raw repeat string text value"
)
"""Words that may stand behind a secret one in the name of a secret: `session_id`."""
_ABOUT = listed(
    "at date enabled error exception expired failed failure field file length message method mode name policy reason"
    " required reset state status time type unit uri url version warning"
)
"""Last words of names that tell about a secret: `auth_method`, "KeyError: 'name'"."""
_PROSE = listed("""
    is isn't are aren't was wasn't were be been has hasn't have had must may should can cannot can't could will won't
    would does doesn't did didn't do don't not no never none nothing too neither only already still if when while
    because invalid expired missing required wrong incorrect unknown unset empty bad malformed mismatch valid weak
    strong changed updated created deleted removed revoked rotated reset set sent used accepted refused rejected denied
    granted disabled enabled active inactive failed failure error ok found expected got connection request response
    read write view create update change delete rotate manage list get admin verify forgot forgotten optional
    authentication authorization permission access for from to of in on at by with without as and or but
""")
"""What a sentence about a secret begins with behind its colon, and what may be done with one in the name of a scope."""

_ASSIGNED = re.compile(
    rf"""
    (?<!{NAME_CHARACTER}) (?P<name>{NAME}) (?P<closing>{QUOTE})?+ (?P<index>(?<=["'])\])?+ [ \t]*+
    (?P<sign> =>?(?![=~]) | :=?(?!:|//) | -> | \uff1d | \uff1a | %3[Aa] )
    """,
    re.VERBOSE,
)
_NAMING = r"""(?i:(?:(?:parameter|option|variable|property|attribute|setting|header|env)_?)?(?:name|key)
    |field|header|variable|param|parameter|property|attribute|setting|option)"""
_VALUED = r"(?i:(?:(?:new|default|parameter|option|variable|property|attribute|setting|header)_?)?value)"
_BETWEEN = r"""(?:\\*["']?[\w-]{1,64}+\\*["']?\s*+[:=]\s*+
    (?:\\*["'][^"'\\\r\n]{0,200}+\\*["']|[\w.+/-]{1,64}+)\s*+[,;]?+\s*+){0,4}?"""
"""Other members, between a name and its value."""
_PATH = r"(?:[\w.-]{0,64}+/){0,8}+"
_NAME_AND_VALUE = re.compile(
    rf"""
    (?<!{NAME_CHARACTER}) {_NAMING} (?:\\*["'])?+ \s*+ [:=]
    \s*+ (?:\\*["'])?+ {_PATH} (?P<name>{NAME}) (?:\\*["'])?+ \s*+ [,;]?+ \s*+ {_BETWEEN}
    (?P<closing>\\{{0,31}}+["'])?+ {_VALUED} (?:\\*["'])?+ \s*+ (?P<sign>[:=])
    """,
    re.VERBOSE,
)
"""``{"name": "X-Api-Key", "value": "…"}``, as JSON, YAML or a dump has it."""
_VALUE_AND_NAME = re.compile(
    rf"""
    (?<!{NAME_CHARACTER}) {_VALUED} (?:\\*["'])?+ \s*+ [:=] \s*+
    (?: (?P<quote>\\{{0,31}}+["']) (?P<quoted>(?:(?!(?P=quote))[^\r\n])++) (?P=quote) | (?P<bare>[^\s"',;{{}}]++) )
    \s*+ [,;]?+ \s*+ {_BETWEEN}
    (?:\\*["'])?+ {_NAMING} (?:\\*["'])?+ \s*+ [:=] \s*+ (?:\\*["'])?+ {_PATH} (?P<name>{NAME})
    """,
    re.VERBOSE,
)
"""The same with the value first."""
_PAIR = re.compile(rf"""[\[(]\s*+b?(?P<closing>\\{{0,31}}+["'])(?P<name>{NAME})(?P=closing)\s*+(?P<sign>,|\.)""")
_TERM = re.compile(rf"""(?:{{|(?<![\w:]):)(?P<name>{NAME})(?P<closing>\b)(?P<sign>,|[ \t]++)(?=(?:<<)?")""")
"""``{{password,<<"…">>}}``, as Erlang has it, and ``:password "…"``, as Clojure does."""
_ARGUMENT = re.compile(rf"""(?<!\w)b?(?P<closing>\\{{0,31}}+["'])--?(?P<name>{NAME})(?P=closing)\s*+(?P<sign>,)""")
_OPTION = re.compile(
    rf"(?<!{NAME_CHARACTER})--?(?P<name>[A-Za-z]{NAME})(?P<closing>\b)(?P<sign>[ \t])[ \t]*+(?=[^\s=-])"
)

_BARE = re.compile(BARE_VALUE)
_LINE = re.compile(rf"""(?:(?![,;]?[ \t]++["']?{NAME}["']?[ \t]*[:=])[^\r\n"'`]|(?<=\w)'(?=\w))++""")
_SCHEME = re.compile(r"(?:apikey|basic|bearer|digest|dpop|negotiate|token)[ \t]++(?=[^\s\"'])", re.IGNORECASE)
_BRACKET = re.compile(r"""[\[\]{}()]|(?<!\\)\\*+["']""")
_BEGINNING = re.compile(r"""(?:\A|[\r\n]|\\n)[ \t>*"'-]*\Z""")
_IN_DATA = re.compile(r"(?:\A|[\r\n{,(\[;|&])[ \t-]*\Z")
_WORD_BEFORE = re.compile(r"([A-Za-z]+)[ \t-]\Z")
_CREDENTIAL = re.compile(
    r"(?=\D*\d\D*\d)(?=[\W\d_]*[^\W\d_])[\w+=~!$%^*-]{8,}|[\w+/=~-]{20,}|(?=.*[+=~!$%^*])[^\s/]{6,}"
)
_END_OF_PAIR = re.compile(r"""\\*["']\s*+[\])]""")
_ARROW = re.compile(r"""(?:\\*["'`])?+[ \t]*+(?:->|\u2192)[ \t]*+(?P<quote>\\*["'`])?+(?=[^\s])""")
_PORT = re.compile(r"\d{1,5}(?!\w)")
_LOOK_BACK = 64
_PEEK = 64
"""Characters of a text before a name, and of its value, that are looked at to see what they are."""


_NAMES_BACKWARDS = {
    sign: re.compile(
        rf"""{sign[::-1]}(?:[27]2x(?=\\))?(?:\d{{1,3}}(?=[^\W\d]))?"""
        r"""(?:[ \t"'`\\\]]|22%|72%|;touq&|[27]200u|;(?:43|93|[27]2x)\#&){0,32}"""
        r"([\w.$@\[\]-]{0,127}[^\W\d])"
    )
    for sign in ("=", ":", "->", "\uff1d", "\uff1a", "%3A", "%3a")
}
"""The names before signs, in a text read from its end, where a search for the sign leads to the name."""


def may_name_secrets(texts: str, lowered: str, secrets: Secrets) -> bool:
    """Whether one of the texts may have a secret name with a value; they are given all in one, also in lower case."""
    backwards = texts[::-1]
    for sign, names in _NAMES_BACKWARDS.items():
        if sign in texts and any(map(secrets.is_secret_key, {name[::-1] for name in names.findall(backwards)})):
            return True
    marked = '"' in texts or "'" in texts or "</" in texts or "&lt;/" in texts or "value" in lowered
    marked = marked or texts[:1] == "-" or any(map(texts.__contains__, (" -", "\n-", "\t-")))
    return marked and (secrets.may_be_in(lowered) or any(map(lowered.__contains__, CLIENTS)))


def mask_assignments(text: str, secrets: Secrets) -> str:
    """The text with the values of secret names masked."""
    signs = "=" in text or ":" in text or "->" in text or "%3" in text or not text.isascii()
    words = (" " in text or "\t" in text) and ("-" in text or "'" in text)
    quoted = ("," in text or " . " in text) and ("'" in text or '"' in text)
    terms = '"' in text and ("{" in text or " :" in text)
    if not (signs or words or quoted or terms) or not may_name_secrets(text, text.lower(), secrets):
        return text
    if quoted:
        text = _masked(text, _PAIR, _paired, secrets)
        text = _masked(text, _ARGUMENT, _quoted, secrets)
    if terms:
        text = _masked(text, _TERM, _quoted, secrets)
    if signs:
        if "alue" in text or "ALUE" in text:
            text = _masked(text, _NAME_AND_VALUE, _certain, secrets)
            text = _VALUE_AND_NAME.sub(partial(_mask_named, secrets=secrets), text)
        text = _masked(text, _ASSIGNED, _assigned, secrets)
    if words:
        text = _masked(text, _OPTION, _optional, secrets)
        text = mask_commands(text)
    return text


_Value: TypeAlias = tuple[int, int, str]
"""Where it begins and ends in the text, and what to put there."""


class _Found(NamedTuple):
    """A secret name in a text, and where its value begins."""

    match: re.Match[str]
    name: str
    at: int
    quote: str | None
    said: str
    """What the value begins with: what is no value is found out from this, so that it takes a time that has a bound."""
    below: re.Match[str] | None = None
    """Of a value that begins in the line below."""
    tag_at: int | None = None
    """Where a tag of YAML stands before the value, or what looks like one: a password may begin so."""
    typed: bool = False
    """Whether a type stands before the value, as in code."""

    @property
    def closing(self) -> str:
        """The quote behind the name."""
        return self.match["closing"] or ""

    @classmethod
    def of(cls, text: str, match: re.Match[str]) -> _Found:
        typed = TYPED.match(text, match.end()) if match["sign"] == ":" else None
        begins = typed.end() if typed else match.end()
        opening = OPENING.match(text, begins)
        at = opening.end() if opening else begins
        quote = opening["quote"] if opening else None
        below = tag_at = None
        if not quote and match["sign"][0] == ":":
            tag = TAG.match(text, at)
            tag_at, at = (at, tag.end()) if tag else (None, at)
            below = BELOW.match(text, at)
            at = below.end() if below else at
        said = text[at : at + _PEEK]
        if quote:
            said = said.partition(quote)[0]
        elif bare := _BARE.match(said):
            said = bare[0].rstrip(CLOSERS)
        return cls(match, match["name"], at, quote, said, below, tag_at, typed is not None)


def _masked(
    text: str, pattern: re.Pattern[str], value_of: Callable[[str, _Found, Secrets], _Value | None], secrets: Secrets
) -> str:
    parts: list[str] = []
    done = 0
    for match in pattern.finditer(text):
        if match.start() < done or not secrets.is_secret_key(match["name"]):
            continue
        found = _Found.of(text, match)
        if _names_the_value(found.name, secrets) or _is_credential(found.said):
            value = value_of(text, found, secrets)
            if value is not None:
                start, end, mask = value
                parts += [text[done:start], mask]
                done = end
                if changed := _changed_to(text, end):
                    parts += [text[end : changed[0]], MASK]
                    done = changed[1]
    return "".join(parts) + text[done:] if parts else text


def _changed_to(text: str, end: int) -> tuple[int, int] | None:
    """Where the new value stands behind an old one that ends there: ``"old" -> "new"``."""
    arrow = _ARROW.match(text, end)
    if arrow is None:
        return None
    at, quote = arrow.end(), arrow["quote"]
    closing = end_of_quoted(text, at, quote) if quote else None
    bare = None if quote else _BARE.match(text, at)
    to = closing if closing is not None else at + len(bare[0].rstrip(CLOSERS)) if bare else _end_of_line(text, at)
    return at, to


def _mask_named(found: re.Match[str], secrets: Secrets) -> str:
    place = "quoted" if found["quoted"] else "bare"
    if not secrets.hides_text(found["name"], found[place]) or not _names_the_value(found["name"], secrets):
        return found[0]
    start, end = found.start(place) - found.start(), found.end(place) - found.start()
    return found[0][:start] + MASK + found[0][end:]


def _assigned(text: str, found: _Found, secrets: Secrets) -> _Value | None:
    if found.match["index"] and not found.quote:
        return None  # settings["token"] = x
    if found.typed and not found.quote:
        return None  # token: str = x
    if (found.typed and found.name in _EVERYDAY) or found.match["sign"] == "->":
        return (
            _certain(text, found, secrets) if _is_credential(found.said) else None
        )  # key: str = "name", token -> expired
    if found.match["sign"][0] not in ":\uff1a%":
        return _certain(text, found, secrets)
    if words_of(found.name)[-1:] == ("authorization",):
        return None  # the header's scheme stays readable: tocsin.events.credentials
    before = text[max(found.match.start() - _LOOK_BACK, 0) : found.match.start()]
    if found.below:
        is_said = not _BEGINNING.search(before) or not (found.below["word"] or _is_password(found.name))
        return (
            None
            if is_said or _is_prose(found, before, secrets)
            else lines_below(text, found.match.start(), found.below)
        )
    if found.closing:
        return _certain(text, found, secrets)
    if _is_prose(found, before, secrets):
        return None
    value = _certain(text, found, secrets)
    if value is not None and not found.quote and _is_password(found.name) and _BEGINNING.search(before):
        start, end, mask = value
        line = _LINE.match(text, start)
        if found.tag_at is not None and "\n" not in text[found.tag_at : end]:
            start = found.tag_at
        return start, max(end, line.start() + len(line[0].rstrip(CLOSERS + " \t"))) if line else end, mask
    return value


def _is_prose(found: _Found, before: str, secrets: Secrets) -> bool:
    """Whether a bare name, a colon and what is said then are rather a sentence, or the name of something."""
    name = found.name.rpartition(".")[2]  # "auth.py: …" is no secret's name
    words = words_of(name)
    is_option = before[-1:] == "/" and not before[-2:-1].strip() and _is_credential(found.said)  # "net use /password:…"
    if (before[-1:] in {":", "/"} and not is_option) or not words or not secrets.is_secret_key(name):
        return True  # an ARN, a scope, an image's tag, a user in an address
    if words[-1] in _ABOUT or (not found.quote and found.said.lower().strip("\"'.,;:!?()[]") in _PROSE):
        return True
    apart = found.at > found.match.end()
    if len(words) > 1 or secrets.is_own(name):
        return not apart and _PORT.match(found.said) is not None
    if words[0] in _EVERYDAY and (apart or words[0] != "pass"):
        earlier = _WORD_BEFORE.search(before)
        known = (found.quote and _IN_DATA.search(before)) or (earlier and earlier[1].lower() in _LEAVES_NO_DOUBT)
        return not known and not _is_credential(found.said)
    return not apart and not _is_password(name) and not _is_credential(found.said)


@lru_cache(maxsize=1024)
def _names_the_value(name: str, secrets: Secrets) -> bool:
    """Whether the name is a secret's, rather than of something that has to do with secrets: `auth_method`."""
    words = words_of(name)
    known = list(filter(secrets.is_secret_key, words))
    if not known or secrets.is_own(name) or words[-1] in _LAST_OF_A_NAME or words[-1] == known[-1]:
        return True  # where no word is known for itself, all together are: "passw0rd"
    return words[-1] not in _ABOUT and any(map(_is_password, known))


def _is_password(name: str) -> bool:
    words = words_of(name)
    return not words or words[-1].endswith(_PASSWORDS)


def _is_credential(said: str) -> bool:
    return MASK not in said and _CREDENTIAL.match(said) is not None


def _certain(text: str, found: _Found, secrets: Secrets) -> _Value | None:
    """The value, wherever it is no prose."""
    at = found.at
    if found.quote:
        closing = end_of_quoted(text, at, found.quote)
        # What is cut off has no closing quote.
        end = _end_of_line(text, at) if closing is None else closing
        return (at, end, MASK) if secrets.hides_text(found.name, text[at:end]) else None
    mask = f"{found.closing}{MASK}{found.closing}"
    if text[at : at + 1] in ({"{", "[", "("} if found.closing else {"{", "["}):
        end = _end_of_brackets(text, at, len(text) if found.closing else _end_of_line(text, at))
        rest = None if found.closing else _BARE.match(text, end)
        return at, end + len(rest[0].rstrip(CLOSERS) if rest else ""), mask
    if (begins := BLOCK.match(text, at)) and (lines := block(text, found.match.start(), begins.end(), is_list=False)):
        return lines
    if scheme := _SCHEME.match(text, at):
        at, mask = scheme.end(), MASK
    bare = _BARE.match(text, at)
    value = bare[0].rstrip(CLOSERS) if bare else ""
    return (at, at + len(value), mask) if secrets.hides_text(found.name, value) else None


def _optional(text: str, found: _Found, secrets: Secrets) -> _Value | None:
    if found.name.startswith("no-") or found.said.lower() in _PROSE:
        return None
    return _certain(text, found, secrets)


def _quoted(text: str, found: _Found, secrets: Secrets) -> _Value | None:
    if not found.quote or found.said[:1] == "-":
        return None
    end = end_of_quoted(text, found.at, found.quote)
    return (found.at, end, MASK) if end is not None and secrets.hides_text(found.name, text[found.at : end]) else None


def _paired(text: str, found: _Found, secrets: Secrets) -> _Value | None:
    value = _quoted(text, found, secrets)
    if value is None or not _END_OF_PAIR.match(text, value[1]):
        return None
    # ["token", "refresh"] are rather two names, unless they stand in a list of such.
    start = found.match.start()
    return value if text[start] == "(" or text[max(start - _LOOK_BACK, 0) : start].rstrip()[-1:] in {"[", ","} else None


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _end_of_brackets(text: str, at: int, until: int) -> int:
    """Where the bracket closes that opens there; `until` where it does not before."""
    depth = 0
    quote = None
    for mark in _BRACKET.finditer(text, at, until):
        if quote or mark[0][-1] in "\"'":
            quote = None if mark[0] == quote else quote or mark[0]
        else:
            depth += 1 if mark[0] in "{[(" else -1
            if depth == 0:
                return mark.end()
    return until
