"""Secrets in markup and forms within a text: elements and attributes of XML and HTML, property lists, multipart."""

import re

from tocsin.events.secret_names import MASK, Secrets

_ELEMENT = re.compile(
    r"<(?:[\w-]{1,64}+:)?(?P<name>[\w.-]{1,128}+)(?P<rest>(?:\s[^<>]*+)?)>\s*+(?:<!\[CDATA\[)?+(?P<value>[^<]++)(?=<)"
)
_PLIST = re.compile(r"<key>(?P<name>[^<]{1,128}+)</key>\s*+<(?:string|data|integer)>(?P<value>[^<]++)(?=<)")
_TAG = re.compile(r"<[\w:.-]{1,128}+\s[^<>]*+>")
_ATTRIBUTE = re.compile(
    r"""(?<![\w:.-])(?P<name>[\w:.-]{1,64}+)\s*+=\s*+(?P<quote>["'])(?P<value>[^"'<>]*+)(?P=quote)"""
)
_NAMING = frozenset({"name", "key", "id", "property", "field"})

_PART = re.compile(
    r"""
    \bname="(?P<name>[^"\r\n]{1,128}+)"[^\r\n]*+\r?\n (?:[!-9;-~]{1,64}+:[^\r\n]*+\r?\n)*+\r?\n
    (?P<value>(?:(?!\r?\n--).)++)
    """,
    re.DOTALL | re.VERBOSE,
)
"""A field of a form: RFC 7578, section 4."""


def mask_markup(text: str, secrets: Secrets) -> str:
    """The text with the values of secret names in markup masked."""

    def masked(found: re.Match[str]) -> str:
        value = found["value"].removesuffix("]]>").rstrip()
        if not secrets.hides_text(found["name"], value):
            return found[0]
        start = found.start("value") - found.start()
        return found[0][:start] + MASK + found[0][start + len(value) :]

    def element(found: re.Match[str]) -> str:
        is_empty = found["rest"].endswith("/")
        return found[0] if is_empty or (found["name"] == "key" and _PLIST.match(text, found.start())) else masked(found)

    def tag(found: re.Match[str]) -> str:
        attributes = {attribute["name"].lower(): attribute for attribute in _ATTRIBUTE.finditer(found[0])}
        value = attributes.get("value")
        names = [attributes[name]["value"] for name in _NAMING if name in attributes]
        if value is None or not any(secrets.hides_text(name, value["value"]) for name in names):
            return found[0]
        return found[0][: value.start("value")] + MASK + found[0][value.end("value") :]

    if "</" in text:
        text = _PLIST.sub(masked, text)
        text = _ELEMENT.sub(element, text)
    if "value" in text:
        text = _TAG.sub(tag, text)
    return text


def mask_forms(text: str, secrets: Secrets) -> str:
    """The text with the values of secret fields of multipart forms masked."""

    def masked(found: re.Match[str]) -> str:
        if not secrets.hides_text(found["name"], found["value"]):
            return found[0]
        return found[0][: -len(found["value"])] + MASK

    return _PART.sub(masked, text)
