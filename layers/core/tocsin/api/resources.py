"""GET /rules, GET, PUT and DELETE /rules/{name}, and all other kinds of the configuration alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response, page_response
from tocsin.api.cursors import NAMES
from tocsin.api.parameters import asked, flag_of, limit_of, object_of, words_of
from tocsin.api.paths import name_of, path_of
from tocsin.aws.logging import Code, note
from tocsin.config.resources import (
    Collection,
    Members,
    Precondition,
    Resources,
    Saved,
    SettingsEntry,
    Silences,
    SilenceState,
    etag_of,
)
from tocsin.config.resources.api_keys import Keys
from tocsin.config.resources.registry import Checked
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope
from tocsin.types import JsonObject, Page
from tocsin.words import page_with

_DEFAULT_LIMIT = 100
_LISTED = ("search", "limit", "cursor")


def add_routes(app: APIGatewayHttpResolver, management: Resources) -> None:
    """Add this subject's routes."""
    for kind, collection in management.collections().items():
        _add_list(app, kind, collection)
        _add_entries(app, kind, collection, collection)
    _add_members(app, management.members)
    _add_settings(app, management.settings)
    _add_keys(app, management.keys)
    _add_silences(app, management.silences)


def _add_list(app: APIGatewayHttpResolver, kind: str, collection: Collection) -> None:
    @app.get(f"/{kind}")
    def many() -> Response[str]:
        return _page(_reader(app, *_LISTED), collection.page, key="username" if kind == "users" else "name")


def _add_entries(
    app: APIGatewayHttpResolver, kind: str, collection: Collection, checked: Checked | None = None
) -> None:
    """`checked` is the collection, where an edit of it can be tried with `dry_run`."""

    @app.get(f"/{kind}/<name>")
    def one(name: str) -> Response[str]:
        request = _reader(app)
        return _shown(collection.get(name_of(name)), request)

    @app.put(f"/{kind}/<name>")
    def put(name: str) -> Response[str]:
        query = () if checked is None else ("dry_run",)
        request, principal = asked(app, Scope.CONFIG_WRITE, query=query, versioned=True)
        if checked is not None and flag_of(request, "dry_run"):
            _check_version(request, partial(checked.get, name_of(name)))
            return json_response(200, checked.check(name_of(name), object_of(request)))
        precondition = Precondition.parse(request.headers)
        saved = collection.put(name_of(name), object_of(request), precondition, principal)
        return _saved(saved, path_of(kind, name_of(name)), principal)

    @app.delete(f"/{kind}/<name>")
    def delete(name: str) -> Response[str]:
        request, principal = _writer(app)
        was = collection.delete(name_of(name), Precondition.parse(request.headers), principal)
        return _deleted(was, path_of(kind, name_of(name)), principal)


def _check_version(request: Request, entry: Callable[[], JsonObject]) -> None:
    """Raise PreconditionFailed where an edit, of which this is the dry run, would."""
    precondition = Precondition.parse(request.headers)
    if not (precondition.match or precondition.none_match):
        return
    try:
        shown: JsonObject | None = entry()
    except NotFound:
        shown = None
    precondition.check(shown)


def _add_members(app: APIGatewayHttpResolver, members: Members) -> None:
    @app.get("/groups/<name>/members")
    def many(name: str) -> Response[str]:
        return _page(_reader(app, *_LISTED), partial(members.page, name_of(name)), key="username")

    @app.get("/groups/<name>/members/<username>")
    def one(name: str, username: str) -> Response[str]:
        request = _reader(app)
        return _shown(members.get(name_of(name), name_of(username)), request)

    @app.put("/groups/<name>/members/<username>")
    def put(name: str, username: str) -> Response[str]:
        request, principal = _writer(app)
        saved = members.put(name_of(name), name_of(username), Precondition.parse(request.headers), principal)
        return _saved(saved, path_of("groups", name_of(name), "members", name_of(username)), principal)

    @app.delete("/groups/<name>/members/<username>")
    def delete(name: str, username: str) -> Response[str]:
        request, principal = _writer(app)
        was = members.delete(name_of(name), name_of(username), Precondition.parse(request.headers), principal)
        return _deleted(was, path_of("groups", name_of(name), "members", name_of(username)), principal)


def _add_settings(app: APIGatewayHttpResolver, settings: SettingsEntry) -> None:
    @app.get("/settings")
    def read_settings() -> Response[str]:
        request = _reader(app)
        return _shown(settings.get(), request)

    @app.put("/settings")
    def put_settings() -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("dry_run",), versioned=True)
        if flag_of(request, "dry_run"):
            _check_version(request, settings.get)
            return json_response(200, settings.check(object_of(request)))
        saved = settings.put(object_of(request), Precondition.parse(request.headers), principal)
        return _saved(saved, "/settings", principal)


def _add_keys(app: APIGatewayHttpResolver, keys: Keys) -> None:
    @app.post("/keys")
    def add() -> Response[str]:
        request, principal = _writer(app, versioned=False)
        saved = keys.add(object_of(request), principal)
        return _saved(saved, path_of("keys", str(saved.shown["name"])), principal)

    @app.post("/keys/<name>/rotate")
    def rotate(name: str) -> Response[str]:
        request, principal = _writer(app)
        given = object_of(request) if request.body else {}
        saved = keys.rotate(name_of(name), given, Precondition.parse(request.headers), principal)
        note(Code.KEY_ROTATED, "an API key was rotated", key_id=saved.shown["id"], by=principal.key_name)
        return _answer(200, saved)


def _add_silences(app: APIGatewayHttpResolver, silences: Silences) -> None:
    _add_entries(app, "silences", silences)

    @app.get("/silences")
    def many() -> Response[str]:
        request = _reader(app, *_LISTED, "state")
        return _page(request, partial(silences.page, states=_states_of(request)))

    @app.post("/silences")
    def add() -> Response[str]:
        request, principal = _writer(app, versioned=False)
        saved = silences.add(object_of(request), principal)
        return _saved(saved, path_of("silences", str(saved.shown["name"])), principal)


def _states_of(request: Request) -> frozenset[SilenceState]:
    given = request.query.get("state")
    if given is None:
        return frozenset(SilenceState)
    try:
        return frozenset(SilenceState(each.strip()) for each in given.split(","))
    except ValueError:
        raise Invalid([Violation("state", f"must be of {', '.join(SilenceState)}: {given[:40]!r}")]) from None


def _reader(app: APIGatewayHttpResolver, *parameters: str) -> Request:
    return asked(app, Scope.CONFIG_READ, query=parameters)[0]


def _writer(app: APIGatewayHttpResolver, *, versioned: bool = True) -> tuple[Request, Principal]:
    return asked(app, Scope.CONFIG_WRITE, versioned=versioned)


def _page(request: Request, read: Callable[..., Page[JsonObject]], key: str = "name") -> Response[str]:
    def page(limit: int) -> JsonObject:
        found = page_with(
            words_of(request),
            lambda after, most: read(after=after, limit=most),
            key=lambda entry: str(entry[key]),
            after=NAMES.read(request.query.get("cursor")),
            limit=limit,
        )
        return {"items": [*found.items], "cursor": NAMES.write(found.last)}

    return page_response(page, limit_of(request, _DEFAULT_LIMIT))


def _shown(shown: JsonObject, request: Request) -> Response[str]:
    tag = etag_of(shown)
    if Precondition.parse(request.headers).holds_none_match(tag):
        return Response(status_code=304, content_type=None, headers={"etag": tag, "cache-control": "no-store"}, body="")
    return json_response(200, shown, {"etag": tag})


def _saved(saved: Saved, path: str, principal: Principal) -> Response[str]:
    note(Code.ENTRY_SAVED, "an entry was saved", path=path, is_new=saved.created, by=principal.key_name)
    return _answer(201 if saved.created else 200, saved, {"location": path} if saved.created else {})


def _answer(status: int, saved: Saved, headers: dict[str, str] | None = None) -> Response[str]:
    return json_response(status, saved.shown | saved.once, {"etag": etag_of(saved.shown)} | (headers or {}))


def _deleted(was: JsonObject, path: str, principal: Principal) -> Response[str]:
    note(Code.ENTRY_DELETED, "an entry was deleted", path=path, by=principal.key_name)
    return json_response(200, was)
