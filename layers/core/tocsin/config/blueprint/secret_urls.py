"""Recognize webhook URLs that are themselves credentials, and mask them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tocsin.config.blueprint.model import MASK

_CHAT_HOSTS = re.compile(
    r"(?:.*\.)?(?:slack\.com|discord(?:app)?\.com|webhook\.office\.com|logic\.azure\.com|powerplatform\.com"
    r"|chat\.googleapis\.com|zapier\.com|ifttt\.com|make\.com|pipedream\.net|webhook\.site)"
)
"""Services whose webhooks are authenticated by their path alone, however short it is."""

_LONGEST_WORD = 16
_SHORTEST_TOKEN = 6
_WORDS = re.compile(r"[^\W_]+")


def masked_url(url: str) -> str:
    """Return the URL's scheme, host and port, with a mask in place of path and query; user info is dropped."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"


def holds_credentials(url: str) -> bool:
    """Whether `url` may contain a secret: it has user info, a query, or a path with a token in it.

    A token is a path segment of six or more characters with a digit, or of sixteen or more letters. Every path of the
    services whose webhooks are only a secret path counts as one. When in doubt a URL is masked: a masked URL still
    works as stored, while paths such as `hooks/tocsin` or `v1/events` stay readable.
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
