"""API Gateway's WebSocket APIs: where what is sent to their connections goes.

On AWS a client of connections is given the address of its API and stage
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html).
AWS_ENDPOINT_URL stands before that address, as before every other, so that a connection's id is all that is left to
find its API by.
"""

from __future__ import annotations

from collections.abc import Callable

PATH = "/@connections/"

type Found = tuple[str, str, str]
"""API, stage and the path within it."""


def connections_by_their_ids(
    parse: Callable[[str, str], Found | None], stage_of: Callable[[str], tuple[str, str] | None]
) -> Callable[[str, str], Found | None]:
    """Makes `/@connections/<id>` a path of the connection's API; `parse` finds the API of every other path.

    `stage_of` gives API and stage of a connection. The request's own path stays what it is: it was signed.
    """

    def parse_too(host: str, path: str) -> Found | None:
        if path.startswith(PATH):
            stage = stage_of(path.removeprefix(PATH))
            if stage is not None:
                return (*stage, path)
        return parse(host, path)

    return parse_too
