"""Which webhooks' URLs are credentials themselves, and what may be shown of them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tocsin.config.blueprint.model import MASK

_CHAT_HOSTS = re.compile(
    r"(?:.*\.)?(?:slack\.com|discord(?:app)?\.com|webhook\.office\.com|logic\.azure\.com|powerplatform\.com"
    r"|chat\.googleapis\.com|zapier\.com|ifttt\.com|make\.com|pipedream\.net|webhook\.site)"
)
"""Services whose webhooks have no other credential than their path, however short it is."""

_LONGEST_WORD = 16
_SHORTEST_TOKEN = 6
_WORDS = re.compile(r"[^\W_]+")


def masked_url(url: str) -> str:
    """A URL that is itself a credential, with nothing left but where it leads."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"


def holds_credentials(url: str) -> bool:
    """Whether whoever knows `url` may know a secret: it has a user, a query, or a path with a token in it.

    A token is a segment of six characters or more with a digit in it, or a word of sixteen letters or more; all
    paths of services whose webhooks are nothing but a secret path are. Rather one too many: what is masked is
    still where it was, and `hooks/tocsin` or `v1/events` are shown.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc:
        return True
    segments = [segment for segment in parts.path.split("/") if segment and segment != MASK]
    if segments and _CHAT_HOSTS.fullmatch((parts.hostname or "").lower()):
        return True
    return any(map(_is_token, segments))


def _is_token(segment: str) -> bool:
    if len(segment) >= _SHORTEST_TOKEN and any(map(str.isdigit, segment)):
        return True
    return any(len(word) >= _LONGEST_WORD for word in _WORDS.findall(segment))
