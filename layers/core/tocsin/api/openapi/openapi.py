"""The OpenAPI 3.1 document, made from the operations' table and the models that requests are read with.

`python -m tocsin.api.openapi` writes it; a test holds docs/openapi.json to it.
"""

from __future__ import annotations

from http import HTTPStatus

from pydantic import TypeAdapter

from tocsin import __version__
from tocsin.api.openapi.operation import Operation
from tocsin.api.openapi.operations import OPERATIONS
from tocsin.api.openapi.parameters import QUERY
from tocsin.api.openapi.shapes import TEXT, ref, schemas
from tocsin.errors import TocsinError
from tocsin.events.model import DEPTH_HEADER
from tocsin.fields import Name
from tocsin.names import MAX_FOREIGN_NAME
from tocsin.types import Json, JsonObject

_ALWAYS = (422, 429, 500, 503)
_KEYED = (401, 403)
_IF_MATCH = "The ETag that the change is made to, or `*`; 412 where another version is there."
_IF_NONE_MATCH = "`*` to create only; on GET, the ETag that the reader has: 304 where it still holds."
_NAME: JsonObject = TypeAdapter(Name).json_schema()
_FOREIGN_NAME: JsonObject = {"type": "string", "minLength": 1, "maxLength": MAX_FOREIGN_NAME, "examples": ["alice"]}
"""What users and groups may be called is more than a pattern says: `tocsin.names`."""
_TOKEN = "An access token of the OpenID Connect issuer that the stack is set up with, where it is."  # noqa: S105
_HEADERS = {
    "Idempotency-Key": "A repeat with the same key within 24 hours stores nothing, and is answered alike.",
    DEPTH_HEADER: "That of the webhook for which the events are sent: chains of events that cause one another end.",
}


def document() -> JsonObject:
    """The whole document."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        path = paths.setdefault(operation.path, {})
        assert isinstance(path, dict)  # noqa: S101 - made one line above
        path[operation.method.lower()] = _operation(operation)
    tags: list[Json] = [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)]
    schemes: JsonObject = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _TOKEN},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": __version__,
            "description": "An audit-event log with rules and notifications. See docs/api.md.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "security": [{"key": []}, {"token": []}],
        "paths": paths,
        "components": {"securitySchemes": schemes, "schemas": schemas(), "responses": _problems()},
    }


def problem_types() -> list[type[TocsinError]]:
    """All errors that have an answer, by status."""
    found: list[type[TocsinError]] = [TocsinError]
    for error in found:  # the list grows while it is walked: a tree, breadth first
        found += error.__subclasses__()
    return sorted(found, key=lambda error: (error.status, error.code))


def _operation(operation: Operation) -> JsonObject:
    needs = "no key" if operation.scopes is None else ", ".join(f"`{scope.value}`" for scope in operation.scopes)
    if operation.any_of:
        needs = f"one of {', '.join(f'`{scope.value}`' for scope in operation.any_of)}"
    described: JsonObject = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"Needs {needs}.",
        "responses": _responses(operation),
    }
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.scopes is None:
        described["security"] = []
    if operation.body is not None:
        content: JsonObject = {taken: {"schema": _sent(operation, taken)} for taken in operation.takes}
        note: JsonObject = {"description": operation.body_note} if operation.body_note else {}
        described["requestBody"] = {"required": not operation.optional_body, "content": content, **note}
    return described


def _sent(operation: Operation, taken: str) -> JsonObject:
    if taken not in {"application/json"}:
        return TEXT
    if operation.path == "/events":
        return {"anyOf": [ref("NewEvent"), {"type": "array", "items": ref("NewEvent"), "maxItems": 500}]}
    return ref(operation.body or "")


def _parameters(operation: Operation) -> list[Json]:
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": _in_path(operation, name)}
        for name in operation.parameters
    ]
    for name in operation.query:
        schema, meaning = QUERY[name]
        found.append({"name": name, "in": "query", "schema": schema, "description": meaning})
    headers = {name: _HEADERS[name] for name in operation.headers}
    if operation.versioned:
        headers |= {"If-None-Match": _IF_NONE_MATCH}
        if operation.method != "GET":
            headers |= {"If-Match": _IF_MATCH}
    found += [{"name": name, "in": "header", "schema": TEXT, "description": text} for name, text in headers.items()]
    return found


def _in_path(operation: Operation, name: str) -> JsonObject:
    if name in {"username", "person"} or (name == "name" and operation.tag in {"users", "groups"}):
        return _FOREIGN_NAME
    return _NAME if name == "name" else TEXT


def _responses(operation: Operation) -> JsonObject:
    found: JsonObject = {}
    for status, schema in operation.answers.items():
        content: JsonObject = {
            given: {"schema": ref(schema) if given == "application/json" else TEXT} for given in operation.gives
        }
        answer: JsonObject = {"description": HTTPStatus(status).phrase, "content": content}
        headers: JsonObject = {}
        if operation.versioned and operation.method != "DELETE":
            headers["ETag"] = {"schema": TEXT}
        if status == HTTPStatus.CREATED:
            headers["Location"] = {"schema": TEXT}
        if headers:
            answer["headers"] = headers
        found[str(status)] = answer
    if operation.versioned and operation.method == "GET":
        found["304"] = {"description": "The reader has this version"}
    keyed = () if operation.scopes is None else _KEYED
    for status in sorted({*_ALWAYS, *keyed, *operation.problems, *((404,) if operation.parameters else ())}):
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return dict(sorted(found.items()))


def _problems() -> JsonObject:
    by_status: dict[int, list[type[TocsinError]]] = {}
    for error in problem_types():
        by_status.setdefault(error.status, []).append(error)
    return {
        f"Problem{status}": {
            "description": "; ".join(
                dict.fromkeys(f"`urn:tocsin:problem:{each.code}`: {each.title}" for each in errors)
            ),
            "content": {"application/problem+json": {"schema": ref("Problem")}},
        }
        for status, errors in by_status.items()
    }
