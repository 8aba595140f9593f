"""What can be switched on a running emulator beside faults: how late reads are, and what DynamoDB throttles.

PUT    /_local/late-reads  {"bound_s": 0.5}; with 0 nothing is late
GET    /_local/late-reads
POST   /_local/throttles   {"table": "*Events*", "index": "by-user", "writes_per_s": 5}: see Throttle
GET    /_local/throttles   those that are set, each with its count of hits
DELETE /_local/throttles   forgets them all
"""

from __future__ import annotations

import json
from dataclasses import asdict

from local.asgi import Application, Receive, Scope, Send, answer, body_of
from local.corrections.capacity import Capacity, Throttle
from local.corrections.late_reads import LateReads

LATE_READS = "/_local/late-reads"
THROTTLES = "/_local/throttles"


class Controls:
    """An ASGI application around another one, which answers the paths above itself."""

    def __init__(self, application: Application, late_reads: LateReads, capacity: Capacity) -> None:
        """Wraps the application."""
        self._application = application
        self._late_reads = late_reads
        self._capacity = capacity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers our own paths, and passes everything else on."""
        if scope["type"] == "http" and scope["path"] in {LATE_READS, THROTTLES}:
            await answer(send, *self._administer(scope["method"], scope["path"], await body_of(receive)))
        else:
            await self._application(scope, receive, send)

    def _administer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        try:
            match method, path:
                case "PUT", "/_local/late-reads":
                    self._late_reads.bound_s = float(json.loads(body)["bound_s"])
                case "POST", "/_local/throttles":
                    self._capacity.throttles.append(Throttle(**json.loads(body)))
                case "DELETE", "/_local/throttles":
                    self._capacity.forget()
                case "GET", _:
                    pass
                case _:
                    return 405, {"message": "see local/controls.py"}
        except (KeyError, TypeError, ValueError) as error:
            return 422, {"message": str(error)}
        if path == LATE_READS:
            return 200, {"bound_s": self._late_reads.bound_s}
        return 200, {"throttles": [asdict(throttle) for throttle in self._capacity.throttles]}
