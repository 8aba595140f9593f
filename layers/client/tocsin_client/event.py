"""Events as one line of code: made where something happened, and saved without slowing or breaking that."""

from __future__ import annotations

import sys

from tocsin_client import configuration
from tocsin_client.current import overwriting_user, request_id
from tocsin_client.faults import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any, Literal, overload

    from typing_extensions import Self

    from tocsin_client.client import Client, Fields
    from tocsin_client.http_request import HttpRequest
    from tocsin_client.session import Receipt
else:

    def overload(function: object) -> object:
        """Typing's, without the import of it."""
        return function


class Event:
    """An event that is being put together. Nothing of it is sent before `save`, and no method but the saving ones that
    are asked to wait raises anything: what can't be said is left out, and said in the log.

    `id` is made by `new`, so that an event that is saved twice is stored once.
    """

    def __init__(self, action: str, *, app: str | None = None, context: dict[str, Any] | None = None) -> None:
        from tocsin_client.ids import new_id  # noqa: PLC0415 - not before the first event

        said = _text(action, "an action can't be told")
        self.action = type(action).__name__ if said is None else said
        self.app = app
        self.context: dict[str, Any] = {} if context is None else context
        self.user: dict[str, Any] = {}
        self.client_ip: str | None = None
        self.brand: str | None = None
        self.created: datetime | None = None
        self.expires: datetime | None = None
        self.expiring: bool | None = None
        self.retention: str | None = None
        self.id = new_id()
        self._kept = False
        self._asked: HttpRequest | None = None
        """The request whose user is yet to be asked."""
        self._acts_for: dict[str, Any] | None = None

    @classmethod
    def new(cls, action: str, /, app: str | None = None, **context: object) -> Self:
        """Begin an event: an EventAction or any other name, and what there is to say of it.

        `app` is the configured one where it is not given, else the caller's module (or its Django app's label).
        `context` may hold anything. It becomes JSON, without secrets, when the event is saved.
        """
        if app is None:
            app = configuration.default_app() or app_of(sys._getframe(1).f_globals)
        return cls(action, app=app, context=dict(context))

    def with_exception(self, exception: BaseException) -> Self:
        """Say what was raised: `exception`, structured, and `message` where the context has none."""

        def add() -> None:
            from tocsin_client import tracebacks  # noqa: PLC0415 - only where something was raised

            self.context["exception"] = tracebacks.structured(exception)
            self.context.setdefault("message", tracebacks.message(exception))

        return self._guarded(add, "an exception can't be told")

    def set_user(self, user: object) -> Self:
        """Say who did it: a user object of a framework, a mapping with pk, username and email, or a username."""

        def add() -> None:
            from tocsin_client.users import as_user  # noqa: PLC0415

            self.user = as_user(user)
            self._asked = None

        return self._guarded(add, "a user can't be told")

    def from_http(self, request: object, user: object = None, *, trusted_proxies: int | None = None) -> Self:
        """Say what the request says: `context.http_request`, the client's address, who it is by, the brand.

        `request`: of Django, Flask, Starlette (FastAPI) or aiohttp, a WSGI environment, an ASGI scope, or what API
        Gateway, a load balancer or a function URL hands to Lambda. `user` takes precedence over the request's.
        """

        def add() -> None:
            from tocsin_client.http_request import Reading, read  # noqa: PLC0415
            from tocsin_client.users import as_user  # noqa: PLC0415

            proxies = configuration.trusted_proxies() if trusted_proxies is None else trusted_proxies
            found = read(request, Reading(proxies, configuration.current.request_id_headers))
            found.request_id = found.request_id or request_id()
            self.context["http_request"] = found.to_context()
            self.client_ip = found.client_ip
            self.brand = brand_name(found.brand) or self.brand
            known = as_user(found.user if user is None else user)
            self.user = found.by(known) or self.user
            self._asked = None if known else found

        return self._guarded(add, "a request can't be told")

    def on_behalf_of(self, user: object) -> Self:
        """Say whom the event's user acts for: set the user first."""

        def add() -> None:
            from tocsin_client.users import as_user  # noqa: PLC0415

            self._acts_for = as_user(user)
            self.user = {**self.user, "on_behalf_of": self._acts_for}

        return self._guarded(add, "a user can't be told")

    def expires_in(self, duration: str) -> Self:
        """Say how long the event is kept: `days=30`, `hours=1;minutes=30`."""
        self.retention = _text(duration, "a duration can't be told")
        return self

    def never_expires(self) -> Self:
        """Keep the event for ever."""
        self.expiring = False
        return self

    @overload
    def save(self, *, wait: Literal[False] = False, client: Client | None = None) -> str | None: ...

    @overload
    def save(  # noqa: F811 - typing's overload, which is not imported
        self, *, wait: Literal[True], client: Client | None = None
    ) -> Receipt: ...

    def save(  # noqa: F811
        self, *, wait: bool = False, client: Client | None = None
    ) -> Receipt | str | None:
        """Queue the event: its id, or None where it was lost at once. With `wait` it is stored when this returns.

        Raises nothing without `wait` (or `when_full="raise"`), and with it Refused, Unreachable, or RuntimeError where
        nobody has said where the API is. `client`: another than the process's.
        """
        if wait:
            client = client or configuration.get_client()
            if client is None:
                raise RuntimeError(configuration.why_none())
            return client.send(self.action, **self.fields())
        return self._queue(client)

    async def asave(self, *, client: Client | None = None) -> Receipt:
        """Save the event as `save(wait=True)`, while the event loop does other things.

        Whom a Django request is by is asked here, where it is not known yet: in a coroutine `from_http` can't.
        """
        import asyncio  # noqa: PLC0415 - whoever calls this has it

        request = self._asked
        if request is not None and request.user_later is not None:
            try:
                by = request.by(await request.user_later())
            except Exception as error:  # noqa: BLE001 - their database
                report("the user of a request can't be told", error)
            else:
                acts_for = {} if self._acts_for is None else {"on_behalf_of": self._acts_for}
                self.user = {**(by or self.user), **acts_for}

        def save() -> Receipt:
            return self.save(wait=True, client=client)

        return await asyncio.to_thread(save)

    def snapshot(self) -> Self:
        """Keep what the event says now, and whom it is by: for one that is saved later than it happened."""

        def keep() -> None:
            from tocsin_client.lines import prepared  # noqa: PLC0415

            kept = prepared({"context": self._context(), "user": self._by()})
            self.context, self.user, self._kept = kept.get("context", {}), kept.get("user", {}), True

        return self._guarded(keep, "an event can't be kept")

    def fields(self) -> Fields:
        """What the event says beside its action, as Client takes it."""
        return {
            "id": self.id,
            "app": self.app,
            "user": self._by(),
            "context": self._context(),
            "client_ip": self.client_ip,
            "brand": self.brand,
            "created": self.created,
            "expires": self.expires,
            "expiring": self.expiring,
            "retention": self.retention,
        }

    def _by(self) -> dict[str, Any]:
        from tocsin_client.users import as_user  # noqa: PLC0415

        by = None if self._kept else overwriting_user()
        return self.user if by is None else as_user(by)

    def _context(self) -> dict[str, Any]:
        """The context, with the id of the request that is being worked at where it has none of its own."""
        bound = None if self._kept else request_id()
        request = self.context.get("http_request", {})
        if bound is None or not isinstance(request, dict) or request.get("request_id"):
            return self.context
        return {**self.context, "http_request": {**request, "request_id": bound}}

    def _queue(self, client: Client | None) -> str | None:
        try:
            client = client or configuration.get_client()
            if client is None:
                report(f"{configuration.why_none()}: events are not sent")
                return None
            return client.emit(self.action, **self.fields())
        except Exception as error:
            if type(error).__name__ == "Full":  # by when_full="raise"
                raise
            report("an event can't be saved", error)
            return None

    def _guarded(self, step: Callable[[], None], failure: str) -> Self:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - other people's objects may raise anything
            report(failure, error)
        return self


def _text(value: object, failure: str) -> str | None:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - other people's objects may raise anything
        report(failure, error)
        return None


def app_of(caller: dict[str, Any]) -> str:
    """The app of code whose globals these are: its module, or the label of the Django app that this is part of."""
    name = caller.get("__name__")
    if not isinstance(name, str):
        return "unknown"
    if name == "__main__":
        spec = caller.get("__spec__")  # of `python -m package.module`
        file = str(caller.get("__file__") or name)
        name = str(spec.name) if spec is not None else file.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        return name.removesuffix(".__main__")
    return _django_label(name) or name


def _django_label(module: str) -> str | None:
    registry = getattr(sys.modules.get("django.apps"), "apps", None)
    if registry is None or not registry.apps_ready:
        return None
    holding = [app for app in registry.get_app_configs() if f"{module}.".startswith(f"{app.name}.")]
    return str(max(holding, key=lambda app: len(app.name)).label) if holding else None


def brand_name(brand: object) -> str | None:
    """The brand as an event has it: a text, or the name (else the domain) of an object or mapping."""
    if brand is None or isinstance(brand, str):
        return brand or None
    for name in ("name", "domain"):
        value = brand.get(name) if isinstance(brand, dict) else getattr(brand, name, None)
        if isinstance(value, str) and value:
            return value
    return None
