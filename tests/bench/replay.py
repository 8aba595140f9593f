"""AWS's answers without AWS and without its emulator: what a function is asked to do takes its own time alone.

What a first run reads from moto is kept by the bytes of its request, and answered from there afterwards; writes are
answered as AWS answers writes that go well. So botocore's work, ours and orjson's are timed, and neither moto's nor a
network's. A connection's own work (TLS, sockets) is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

_READS = {"GetItem", "Query", "BatchGetItem", "GetSecretValue"}


class Replay:
    """Counts the calls in `calls`, by operation."""

    def __init__(self) -> None:
        self.on = False
        """Whether answers are given from what is kept; else moto answers, and reads are kept."""
        self.calls = 0
        self._kept: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """Have everything read anew."""
        self._kept.clear()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stands between botocore and moto meanwhile."""
        emulate = BotocoreStubber.__call__

        def answer(stubber: Any, event_name: str, request: Any, **given: Any) -> Any:
            operation = event_name.rpartition(".")[2]
            self.calls += 1
            body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
            if self.on and operation not in _READS:
                return _response(request.url, _written(operation, body))
            if self.on and body in self._kept:
                return _response(request.url, self._kept[body])
            response = emulate(stubber, event_name, request, **given)
            if response is not None and operation in _READS:
                self._kept[body] = response.content
            return response

        BotocoreStubber.__call__ = answer  # type: ignore[method-assign]
        try:
            yield
        finally:
            BotocoreStubber.__call__ = emulate  # type: ignore[method-assign]


def _written(operation: str, body: bytes) -> bytes:
    if operation == "SendMessageBatch":
        entries = orjson.loads(body)["Entries"]
        sent = [{"Id": each["Id"], "MessageId": "m", "MD5OfMessageBody": ""} for each in entries]
        return orjson.dumps({"Successful": sent, "Failed": []})
    if operation == "BatchExecuteStatement":
        return b'{"Responses":[%b]}' % b",".join([b'{"TableName":"events"}'] * body.count(b'"Statement":'))
    return b'{"MessageId":"m"}' if operation == "SendEmail" else b"{}"


def _response(url: str, content: bytes) -> AWSResponse:
    return AWSResponse(url, 200, {"content-type": "application/x-amz-json-1.0"}, MockRawResponse(content))  # type: ignore
