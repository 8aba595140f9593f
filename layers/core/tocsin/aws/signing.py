"""Signature Version 4, as botocore makes it, with less work for the one form that calls to DynamoDB and SQS have.

botocore prepares a request anew each time that a signature looks at its body, goes through its headers four times, and
derives a day's signing key with each signature: a fifth of what a call takes. A POST to `/` without a query needs none
of that. Anything else is signed by botocore's own code.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import AUTH_TYPE_MAPS, SIGNED_HEADERS_BLACKLIST, SIGV4_TIMESTAMP, SigV4Auth
from botocore.compat import get_current_datetime

_NAME = "tocsin-v4"
_PORTS = {"http": 80, "https": 443}


class Signer(SigV4Auth):
    """Adds the same headers as SigV4Auth."""

    _region_name: str
    _service_name: str

    def add_auth(self, request: Any) -> None:  # noqa: ANN401 - botocore has no types
        """Sign `request`. It may be one that is tried again, and has been signed before."""
        url = urlsplit(request.url)
        body = request.data
        plain = request.method == "POST" and url.path in {"", "/"} and not url.query and not request.params
        if not plain or not isinstance(body, bytes) or self.credentials is None or "Date" in request.headers:
            super().add_auth(request)
            return
        timestamp = request.context["timestamp"] = get_current_datetime().strftime(SIGV4_TIMESTAMP)
        headers = request.headers
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            del headers[name]  # none is no error
        headers["X-Amz-Date"] = timestamp
        if self.credentials.token:
            headers["X-Amz-Security-Token"] = self.credentials.token
        said = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        if "host" not in said:
            standard = url.port is None or url.port == _PORTS.get(url.scheme)
            said["host"] = (url.hostname or "") if standard else f"{url.hostname}:{url.port}"
        names = sorted(name for name in said if name not in SIGNED_HEADERS_BLACKLIST)
        signed = ";".join(names)
        canonical = "\n".join(f"{name}:{said[name]}" for name in names)
        digest = said.get("x-amz-content-sha256") or sha256(body).hexdigest()
        canonical = f"POST\n/\n\n{canonical}\n\n{signed}\n{digest}"
        scope = f"{timestamp[:8]}/{self._region_name}/{self._service_name}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = _key(self.credentials.secret_key, timestamp[:8], self._region_name, self._service_name)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, SignedHeaders={signed},"
            f" Signature={signature}"
        )


@lru_cache(maxsize=8)
def _key(secret: str, *scope: str) -> bytes:
    """The signing key of a day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign_lean(client: Any) -> None:  # noqa: ANN401 - botocore's
    """Have `client` sign its calls by Signer where botocore would by SigV4Auth."""
    AUTH_TYPE_MAPS[_NAME] = Signer
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"choose-signer.{service}", _chosen)


def _chosen(signature_version: str, **_given: object) -> str | None:
    return _NAME if signature_version == "v4" else None
