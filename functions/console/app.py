"""GET /console and what is below it: the console's page and files. Trigger: HTTP API, payload format 2.0, no key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tocsin import __version__
from tocsin.aws import init
from tocsin.aws.environment import Environment
from tocsin.errors import NotFound
from tocsin.http.request import Request
from tocsin.http.response import Answer, answer, problem
from tocsin.http.static_files import StaticFiles, content_security_policy
from tocsin.types import Json

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def _live_origins(host: str) -> list[str]:
    """Where the page opens its WebSocket: what POST /tickets answers a request that came to `host`."""
    address = environment.optional("LIVE_ENDPOINT").removeprefix("https://").partition("/")[0]
    if not address:
        return []
    beside = _EXECUTE_API.fullmatch(host)
    if beside is None:
        return [f"wss://{address}"]
    own = f"{address.partition('.')[0]}{beside[1]}"
    return [f"wss://{own}"] + ([f"ws://{own}"] if ".localhost" in beside[1] else [])


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


environment = Environment.of_process()
_EXECUTE_API = re.compile(r"[^.]+(\.execute-api\.[a-z0-9.:-]+)")
issuer, client_id = environment.optional("OIDC_ISSUER"), environment.optional("OIDC_CLIENT_ID")
oidc: Json = {"issuer": issuer, "client_id": client_id} if issuer and client_id else None
connect_to = ([_origin(issuer)] if oidc else []) + [*environment.words("CONSOLE_ORIGINS")]
files = StaticFiles(
    Path(__file__).parent / "static",
    {
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
    },
)
init.finish()


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """The page at /console, its settings at /console/config.json, and files at /console/<version>/<name>."""
    request = Request.parse(event)
    return _served(request.path, request) or problem(
        NotFound("there is no such file of the console; load /console anew"), instance=request.request_id
    )


def _served(path: str, request: Request) -> Answer | None:
    below = path.removeprefix("/console").removeprefix("/")
    if not below:
        if path.endswith("/"):  # the page's links are relative to /console
            return {"statusCode": 308, "headers": {"location": "../console"}, "body": "", "isBase64Encoded": False}
        policy = content_security_policy([*connect_to, *_live_origins(request.headers.get("host", ""))])
        page = files.page(request.headers)
        return {**page, "headers": page["headers"] | {"content-security-policy": policy}}
    if below == "config.json":
        return answer(200, {"version": __version__, "files": files.version, "oidc": oidc})
    version, _, name = below.partition("/")
    return files.file(version, name, request.headers)
