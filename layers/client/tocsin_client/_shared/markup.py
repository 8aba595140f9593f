# Made by `make shared` from layers/core/tocsin/events/markup.py: change that.
"""Secrets in markup and forms within a text: elements and attributes of XML and HTML, property lists, multipart."""

from tocsin_client._shared import regex as re

from tocsin_client._shared.secret_names import MASK, Secrets, listed

_ELEMENT = re.compile(
    r"<(?:[\w-]{1,64}+:)?(?P<name>[\w.-]{1,128}+)(?P<rest>(?:\s[^<>]*+)?)>\s*+(?:<!\[CDATA\[)?+(?P<value>[^<]++)(?=<)"
)
_ESCAPED_ELEMENT = re.compile(
    r"&lt;(?:[\w-]{1,64}+:)?(?P<name>[\w.-]{1,128}+)(?P<rest>(?:\s(?:(?!&[lg]t;)[^<>])*+)?)&gt;\s*+"
    r"(?P<value>(?:(?!&lt;)[^<])++)(?=&lt;/)"
)
"""An element of a document that stands in another one."""
_NAMED_ELEMENT = re.compile(
    r"<(?P<naming>key|[nN]ame)>\s*+(?P<name>[^<]{1,128}+)</(?P=naming)>\s*+<(?:string|data|integer|[vV]alue)>\s*+"
    r"(?:<!\[CDATA\[)?+(?P<value>[^<]++)(?=<)"
)
"""A name and its value as two elements: of a property list, of Hadoop's configuration."""
_VALUE_WITHIN = re.compile(
    r"(?P<tag><(?P<element>[\w:.-]{1,128}+)\s[^<>]*+>)\s*+<(?:[\w-]{1,64}+:)?[vV]alue>\s*+(?:<!\[CDATA\[)?+(?P<value>[^<]++)(?=<)"
)
"""``<property name="password"><value>…``, as Spring has it."""
_TAG = re.compile(r"<[\w:.-]{1,128}+\s[^<>]*+>")
_ATTRIBUTE = re.compile(
    r"""(?<![\w:.-])(?P<name>[\w:.-]{1,64}+)\s*+=\s*+(?P<quote>["'])(?P<value>[^"'<>]*+)(?P=quote)"""
)
_NAMING = frozenset({"name", "key", "id", "property", "field"})
_FOR_PEOPLE = listed("a button div h1 h2 h3 h4 input label legend li option p section select span td textarea th")
"""Elements of HTML whose text is no value of what their attribute names."""

_PART = re.compile(
    r"""
    \bname=(?:"(?P<name>[^"\r\n]{1,128}+)"|(?P<token>[^"\s;]{1,128}+)) [^\r\n]*+\r?\n
    (?:[!-9;-~]{1,64}+:[^\r\n]*+\r?\n)*+\r?\n
    (?P<value>(?:(?!\r?\n--).)++)
    """,
    re.DOTALL | re.VERBOSE,
)
"""A field of a form: RFC 7578, section 4."""


def mask_markup(text: str, secrets: Secrets) -> str:
    """The text with the values of secret names in markup masked."""

    def masked(found: re.Match[str], name: str = "") -> str:
        value = found["value"].removesuffix("]]>").rstrip()
        if not secrets.hides_text(name or found["name"], value):
            return found[0]
        start = found.start("value") - found.start()
        return found[0][:start] + MASK + found[0][start + len(value) :]

    def element(found: re.Match[str]) -> str:
        if found["rest"].endswith("/") or (found["name"] == "key" and _NAMED_ELEMENT.match(text, found.start())):
            return found[0]
        return masked(found, named_by(found["name"], found["rest"]) or found["name"])

    def within(found: re.Match[str]) -> str:
        name = None if found["tag"].endswith("/>") else named_by(found["element"], found["tag"])
        return found[0] if name is None else masked(found, name)

    def named_by(element: str, tag: str) -> str | None:
        """The secret name that an element has as an attribute; none of what has text for people."""
        if "=" not in tag or element.lower() in _FOR_PEOPLE:
            return None
        attributes = _attributes(tag)
        names = [attributes[name]["value"] for name in ("name", "key") if name in attributes]
        return next((name for name in names if secrets.is_secret_key(name)), None)

    def tag(found: re.Match[str]) -> str:
        attributes = _attributes(found[0])
        value = attributes.get("value")
        names = [attributes[name]["value"] for name in _NAMING if name in attributes]
        if value is None or not any(secrets.hides_text(name, value["value"]) for name in names):
            return found[0]
        return found[0][: value.start("value")] + MASK + found[0][value.end("value") :]

    if "</" in text:
        text = _NAMED_ELEMENT.sub(masked, text)
        text = _VALUE_WITHIN.sub(within, text)
        text = _ELEMENT.sub(element, text)
    if "&lt;/" in text:
        text = _ESCAPED_ELEMENT.sub(masked, text)
    if "value" in text.lower():
        text = _TAG.sub(tag, text)
    return text


def _attributes(tag: str) -> dict[str, re.Match[str]]:
    return {attribute["name"].lower(): attribute for attribute in _ATTRIBUTE.finditer(tag)}


def mask_forms(text: str, secrets: Secrets) -> str:
    """The text with the values of secret fields of multipart forms masked."""

    def masked(found: re.Match[str]) -> str:
        if not secrets.hides_text(found["name"] or found["token"], found["value"]):
            return found[0]
        return found[0][: -len(found["value"])] + MASK

    return _PART.sub(masked, text)
