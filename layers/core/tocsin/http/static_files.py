"""Files of a web page, read once: compressed, under a path that changes with any of them, with strict headers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from tocsin.http.response import Answer
from tocsin.records import dataclass

PLACEHOLDER = "@version"
"""What stands in the page for the version of its files."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
IMMUTABLE = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
_GZIP_ACCEPTED = re.compile(
    r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)", re.IGNORECASE
)


def content_security_policy(connect_to: Sequence[str] = ()) -> str:
    """The policy of a page whose scripts, styles and images are all files of its own.

    `connect_to` are origins beside its own that its scripts may speak to. Source: https://www.w3.org/TR/CSP3/
    """
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(("'self'", *connect_to)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@dataclass(frozen=True)
class File:
    """One file: its type, its bytes, and both compressed and named by their digest when first asked for."""

    content_type: str
    content: bytes

    @cached_property
    def etag(self) -> str:
        """A strong entity tag."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> str:
        """The bytes as gzip, in base64, as API Gateway takes them."""
        return base64.b64encode(gzip.compress(self.content, 9, mtime=0)).decode()


class StaticFiles:
    """A directory's files, and its `index.html` with the version in place of `@version`."""

    def __init__(self, directory: Path, headers: Mapping[str, str]) -> None:
        self._headers = {"x-content-type-options": "nosniff", **headers}
        self._files = {
            path.relative_to(directory).as_posix(): File(TYPES[path.suffix], path.read_bytes())
            for path in sorted(directory.rglob("*"))
            if path.suffix in TYPES
        }
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(f"{name}\0{len(file.content)}\0".encode() + file.content)
        self.version = digest.hexdigest()[:16]
        index = self._files["index.html"]
        self._page = File(index.content_type, index.content.replace(PLACEHOLDER.encode(), self.version.encode()))

    def page(self, request_headers: Mapping[str, str]) -> Answer:
        """The page itself; 304 where its ETag is the one that the browser has."""
        return self._answer(self._page, ASK_AGAIN, request_headers)

    def file(self, version: str, name: str, request_headers: Mapping[str, str]) -> Answer | None:
        """The file `name` of this version; None where there is none: an older page's files are not to be mixed."""
        file = self._files.get(name)
        if file is None or version != self.version:
            return None
        return self._answer(file, IMMUTABLE, request_headers)

    def _answer(self, file: File, cache_control: str, request_headers: Mapping[str, str]) -> Answer:
        headers = self._headers | {
            "cache-control": cache_control,
            "content-type": file.content_type,
            "etag": file.etag,
            "vary": "accept-encoding",
        }
        known = {tag.strip().removeprefix("W/") for tag in request_headers.get("if-none-match", "").split(",")}
        if file.etag in known or "*" in known:
            return {"statusCode": 304, "headers": headers, "body": "", "isBase64Encoded": False}
        if _GZIP_ACCEPTED.search(request_headers.get("accept-encoding", "")):
            coded = headers | {"content-encoding": "gzip", "etag": f"W/{file.etag}"}
            return {"statusCode": 200, "headers": coded, "body": file.compressed, "isBase64Encoded": True}
        return {"statusCode": 200, "headers": headers, "body": file.content.decode(), "isBase64Encoded": False}
