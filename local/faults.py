"""Failures on demand: AWS calls that the emulator answers with an error instead of doing them.

The emulator has no faults of its own to offer, so the gateway puts this in front of it. For tests of what
happens when DynamoDB throttles, SQS is away or an answer is lost on its way back.

    POST   /_local/faults  {"operation": "DynamoDB_20120810.*Write*", "contains": "events", "times": 3}
    GET    /_local/faults  the faults that are set, each with its count of hits
    DELETE /_local/faults  forgets them all
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from local.asgi import Application, Receive, Scope, Send, answer, body_of, nowhere, replaying

PATH = "/_local/faults"


@dataclass(slots=True)
class Fault:
    """One failure: which calls it meets and what they are told.

    `operation` is a glob over the call's X-Amz-Target ("DynamoDB_20120810.PutItem") or, for services without
    one, over method and path ("POST /v2/email/outbound-emails"). `contains` has to stand in the body: a
    table's or a queue's name, say. `times` bounds it; None is for ever. With `done` the call is carried out
    and only its answer is lost: what a caller sees when the connection breaks too late.
    """

    operation: str
    contains: str = ""
    code: str = "ProvisionedThroughputExceededException"
    status: int = 400
    times: int | None = None
    done: bool = False
    hits: int = field(default=0, init=False)

    def meets(self, operation: str, body: bytes) -> bool:
        """Whether this fault has hits left and is meant for that call."""
        if self.times is not None and self.hits >= self.times:
            return False
        return fnmatchcase(operation, self.operation) and self.contains.encode() in body


class FaultInjector:
    """An ASGI application around another one, whose calls it fails as it was told to."""

    def __init__(self, application: Application) -> None:
        """Wraps the application; without any fault set, it only passes on."""
        self._application = application
        self._faults: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers our own path, fails what is to fail, and passes everything else on."""
        if scope["type"] == "http" and scope["path"] == PATH:
            await answer(send, *self._administer(scope["method"], await body_of(receive)))
        elif scope["type"] == "http" and self._faults:
            await self._perhaps_fail(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _perhaps_fail(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        operation = _operation(scope)
        fault = next((fault for fault in self._faults if fault.meets(operation, body)), None)
        if fault is None:
            await self._application(scope, replaying(body, receive), send)
            return
        fault.hits += 1
        if fault.done:
            await self._application(scope, replaying(body, receive), nowhere)
        error = {"__type": fault.code, "message": f"local fault: {fault.operation}"}
        await answer(send, fault.status, error, fault.code)

    def _administer(self, method: str, body: bytes) -> tuple[int, object]:
        match method:
            case "GET":
                return 200, {"faults": [asdict(fault) for fault in self._faults]}
            case "DELETE":
                self._faults.clear()
                return 200, {"faults": []}
            case "POST":
                try:
                    self._faults.append(Fault(**json.loads(body)))
                except (TypeError, ValueError) as error:
                    return 422, {"message": str(error)}
                return 201, {"faults": len(self._faults)}
            case _:
                return 405, {"message": "GET, POST or DELETE"}


def _operation(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name.lower() == b"x-amz-target":
            return str(value.decode("latin-1"))
    return f"{scope['method']} {scope['path']}"
