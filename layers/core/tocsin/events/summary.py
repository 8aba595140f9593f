"""One readable sentence about an event, whatever its context holds.

The summary is the context's `message`, as it is, where it has one. Else each known action has a sentence, and any
other action gives `action: key=value, …`. Raw JSON is never shown: values that are objects or lists are left out.
"""

from collections.abc import Callable

from tocsin.events.sentences import (
    A_KIND,
    AN_KIND,
    AN_OBJECT,
    ANONYMOUS,
    ANOTHER,
    IMPERSONATIONS,
    MODEL,
    NOBODY,
    ON_BEHALF,
    ORIGIN,
    REASON,
    SENTENCES,
    Sentence,
)
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

MAX_SUMMARY = 500
"""Characters of a sentence, and of a message `in_brief`; longer ones are cut, and end with …."""

_MAX_VALUE = 80
_UNSAID = frozenset({"message", "hyperlink", "hyperlink_label", "http_request", "geo", "asn"})

type Gettext = Callable[[str], str]


def untranslated(message: str) -> str:
    """`message` itself: the Gettext of English."""
    return message


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and the keys of the context whose values it says."""

    text: str
    keys: frozenset[str]
    who: bool
    """Whether it says who the event's user is."""
    origin: bool
    """Whether it says where the event came from."""
    opens_with_name: bool
    """Whether it begins with what somebody is called, which keeps its small letter."""


def summarize(action: str, user: JsonObject, client_ip: str | None, context: JsonObject) -> str:
    """Summarize an event of `action` by `user` from `client_ip` with `context`."""
    message = message_of(context)
    if message is not None:
        return message
    said = sentence_of(action, user, client_ip, context)
    return _cut(_pairs(action, context), MAX_SUMMARY) if said is None else said.text


def message_of(context: JsonObject) -> str | None:
    """What the producer says of the event itself, as it is; None where it says nothing."""
    message = context.get("message")
    if isinstance(message, str) and message.strip():
        return message
    return said_of(message) if isinstance(message, bool | int | float) else None


def sentence_of(
    action: str, user: JsonObject, origin: str | None, context: JsonObject, gettext: Gettext = untranslated
) -> Said | None:
    """The sentence of a known action, in the language of `gettext`; None for any other. `origin` is where from."""
    sentence = SENTENCES.get(action)
    return None if sentence is None else _Facts(user, context, gettext).told(action, sentence, origin)


def in_brief(summary: str) -> str:
    """A summary as one line of at most MAX_SUMMARY characters: a message may be as long as an event."""
    return _cut(" ".join(summary[: 8 * MAX_SUMMARY].split()), MAX_SUMMARY)


class _Facts:
    """The parts of sentences: each is text taken from the event, or a general word where it has none."""

    def __init__(self, user: JsonObject, context: JsonObject, gettext: Gettext) -> None:
        self._user = user
        self._context = context
        self._gettext = gettext

    def told(self, action: str, sentence: Sentence, origin: str | None) -> Said:
        """`sentence` with what the event holds in its places."""
        keys: set[str] = set()
        who, thing = self._who, None
        if action in IMPERSONATIONS:
            key = self._key_of(("to", "target"))
            thing = said_of(self._context[key]) if key else self._behind or self._gettext(ANOTHER)
            who = who if key else self._name
        elif MODEL in sentence.keys:
            key, thing = MODEL, self._model
        else:
            key = self._key_of(sentence.keys)
            thing = said_of(self._context[key]) if key else None
        keys |= {key} if key else set()
        form = self._gettext(sentence.text if thing or not sentence.without else sentence.without)
        text = form % {"who": who, "thing": thing}
        opens_with_name = form.startswith("%(who)s") and self._nobody is None
        if form.startswith("%(who)s") and self._nobody is not None:
            text = capitalized(text)
        if sentence.origin and origin:
            text = self._gettext(ORIGIN) % {"sentence": text, "origin": origin}
        reason = self._key_of(sentence.reasons)
        if reason:
            keys.add(reason)
            text = self._gettext(REASON) % {"sentence": text, "reason": said_of(self._context[reason])}
        return Said(
            _cut(text, MAX_SUMMARY),
            frozenset(keys),
            who="%(who)s" in form,
            origin=bool(sentence.origin and origin),
            opens_with_name=opens_with_name,
        )

    @property
    def _who(self) -> str:
        behind = self._behind
        return self._gettext(ON_BEHALF) % {"who": self._name, "behind": behind} if behind else self._name

    @property
    def _name(self) -> str:
        """The event's user alone."""
        return self._nobody or person_of(self._user) or ""

    @property
    def _nobody(self) -> str | None:
        """What the user is called who has no name. What stands for nobody ("AnonymousUser") may have one."""
        if self._user.get("is_anonymous") is True:
            return self._gettext(ANONYMOUS)
        return None if person_of(self._user) else self._gettext(NOBODY)

    @property
    def _behind(self) -> str | None:
        behind = self._user.get("on_behalf_of")
        return person_of(behind) if isinstance(behind, dict) else None

    def _key_of(self, keys: tuple[str, ...]) -> str | None:
        """The first of the context's `keys` whose value is a short text."""
        for key in keys:
            said = said_of(self._context.get(key))
            if said and said.strip("*"):  # a mask says nothing; another key may
                return key
        return None

    @property
    def _model(self) -> str:
        model = self._context.get(MODEL)
        if not isinstance(model, dict):
            return said_of(model) or self._gettext(AN_OBJECT)
        kind = said_of(model.get("model_name"))
        name = said_of(model.get("name")) or said_of(model.get("pk"))
        if name:
            return f"{kind} {name}" if kind else name
        if kind is None:
            return self._gettext(AN_OBJECT)
        return self._gettext(AN_KIND if kind[:1].lower() in "aeiou" else A_KIND) % {"kind": kind}


def capitalized(text: str) -> str:
    """`text` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def person_of(user: JsonObject) -> str | None:
    """What a user of an event is called: username, else e-mail address, else key; None without any."""
    return said_of(user.get("username")) or said_of(user.get("email")) or said_of(user.get("pk"))


def said_of(value: Json) -> str | None:
    """A scalar, or an object's name, as a short text; None for other values."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("username") or value.get("pk")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _cut(" ".join(value.split()), _MAX_VALUE) or None
    if isinstance(value, int | float):
        return str(value)
    return None


def _pairs(action: str, context: JsonObject) -> str:
    pairs = [
        f"{said_of(key) or '?'}={said}"
        for key, value in context.items()
        if key not in _UNSAID and (said := said_of(value)) is not None
    ]
    return f"{action}: {', '.join(pairs)}" if pairs else action


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
