"""POST /tickets: what a browser opens a WebSocket with, since it can send no headers there."""

from __future__ import annotations

import re
import secrets

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked
from tocsin.errors import Forbidden
from tocsin.http.request import Request
from tocsin.live.model import READING, Authorisation
from tocsin.live.store import LiveStore
from tocsin.records import dataclass
from tocsin.times import iso, utc_now

_EXECUTE_API = re.compile(r"[^.]+(\.execute-api\..+)")


@dataclass(frozen=True, slots=True)
class LiveAddress:
    """Where the WebSocket API is."""

    endpoint: str
    """https://<api>.execute-api.<region>.amazonaws.com/<stage>"""

    def url(self, request: Request) -> str:
        """The address that a browser opens: beside the one that `request` came to, where that is API Gateway's own."""
        address, _, stage = self.endpoint.removeprefix("https://").partition("/")
        api = address.partition(".")[0]
        beside = _EXECUTE_API.fullmatch(request.headers.get("host", ""))
        if beside is None:
            return f"wss://{address}/{stage}"
        scheme = "wss" if request.headers.get("x-forwarded-proto", "") == "https" else "ws"
        return f"{scheme}://{api}{beside[1]}/{stage}"


def add_routes(app: APIGatewayHttpResolver, live: LiveStore, address: LiveAddress) -> None:
    """Add this subject's routes."""

    @app.post("/tickets")
    def ticket() -> Response[str]:
        request, principal = asked(app)
        if not principal.scopes & frozenset(READING):
            raise Forbidden(f"this needs one of the scopes {', '.join(READING)}")
        made = secrets.token_urlsafe(32)
        ends = live.put_ticket(made, Authorisation.of(principal), now=utc_now())
        return json_response(201, {"ticket": made, "expires": iso(ends), "url": address.url(request)})
