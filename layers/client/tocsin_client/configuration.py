"""The process's one client, and what events are made with: set by `configure`, else by the environment."""

from __future__ import annotations

import _thread
import os

from tocsin_client.faults import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin_client.client import Client
    from tocsin_client.session import Session

__all__ = ["configure", "flush", "get_client", "log_deprecation"]


class _Configuration:
    """What is configured. `None` is what nobody has said yet, and `environment` whether it was asked."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.asked_environment = False
        self.failure: Exception | None = None
        """Why no client could be made of the environment."""
        self.app: str | None = None
        self.trusted_proxies: int | None = None
        self.request_id_headers: tuple[str, ...] = ("X-Request-ID", "X-Correlation-ID", "X-Amzn-Trace-Id")
        self.lock = _thread.RLock()  # saving may log, and a log record be saved
        self.held = False
        """Whether a fork under way has the lock."""


current = _Configuration()


def configure(
    url: str | None = None,
    key: str | None = None,
    *,
    client: Client | None = None,
    app: str | None = None,
    trusted_proxies: int | None = None,
    request_id_headers: tuple[str, ...] | None = None,
    session: Session | None = None,
    **settings: Any,  # noqa: ANN401 - those of Client
) -> Client:
    """Make the client that events are saved with, and say how requests are read. Replaces what was configured.

    What is not given is taken from the environment: TOCSIN_URL, TOCSIN_KEY, TOCSIN_APP, TOCSIN_SPOOL (a path) and
    TOCSIN_TRUSTED_PROXIES. `client`: one that is there already. `trusted_proxies`: how many of your own proxies a
    request passes, each of which adds to X-Forwarded-For; 0 believes no header. `request_id_headers`: where a request's
    id is looked for. Others: see Client. KeyError where neither says where the API is, ValueError as Client.
    """
    from tocsin_client.client import Client  # noqa: PLC0415 - not before somebody sends

    app = app or os.environ.get("TOCSIN_APP") or None
    if client is None:
        if "spool" not in settings and os.environ.get("TOCSIN_SPOOL"):
            settings["spool"] = os.environ["TOCSIN_SPOOL"]
        client = Client(
            url or os.environ["TOCSIN_URL"], key or os.environ["TOCSIN_KEY"], app=app, session=session, **settings
        )
    replaced, current.client, current.failure = current.client, client, None
    current.app = app or client.app
    current.trusted_proxies = trusted_proxies
    current.request_id_headers = request_id_headers or _Configuration().request_id_headers
    if replaced is not None and replaced is not client:
        replaced.close()
    return client


def get_client() -> Client | None:
    """The process's client; made of the environment where nothing was configured, None where that says nothing usable.

    Raises nothing: whoever saves an event did not write the environment. `why_none` says what is wrong with it.
    """
    if current.client is None and not current.asked_environment:
        with current.lock:
            if current.asked_environment:
                return current.client
            current.asked_environment = True
            if os.environ.get("TOCSIN_URL") and os.environ.get("TOCSIN_KEY"):
                try:
                    return configure(
                        app=current.app,
                        trusted_proxies=current.trusted_proxies,
                        request_id_headers=current.request_id_headers,
                    )
                except Exception as error:  # noqa: BLE001 - a URL or key that can't be one
                    current.failure = error
    return current.client


def is_said_by(url: object, *others: object) -> bool:
    """Whether a framework's settings make a client: by its URL, or by what they say beside that of the environment."""
    return bool(url or (any(others) and os.environ.get("TOCSIN_URL")))


def why_none() -> str:
    """Why there is no client to save events with."""
    if current.failure is not None:
        return f"no client can be made of TOCSIN_URL and TOCSIN_KEY: {current.failure}"
    return "TOCSIN_URL and TOCSIN_KEY are not set, and configure() was not called"


def default_app() -> str | None:
    """The app of events that name none, where one is configured."""
    return current.app or os.environ.get("TOCSIN_APP") or None


def trusted_proxies() -> int:
    """How many proxies before this process are its own."""
    given: object = current.trusted_proxies
    if given is None:
        given = os.environ.get("TOCSIN_TRUSTED_PROXIES", "")
    said = str(given).strip()  # as settings have it that are made of environment variables
    if said.isdecimal():
        return int(said)
    if said:
        report(f"{said!r} is no number of trusted proxies: no header is believed")
    return 0


_MADE_WITHIN = 30.0  # seconds that a fork waits at most for a client that another thread makes, and for its modules


def _before_fork() -> None:
    current.held = current.lock.acquire(timeout=_MADE_WITHIN)


def _in_parent() -> None:
    if current.held:
        current.lock.release()


def _begin_in_child() -> None:  # pragma: no cover - runs in forked children
    current.lock = _thread.RLock()  # its parent's is held for the parent
    current.asked_environment = current.client is not None


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_begin_in_child)


def flush(timeout: float = 5.0) -> bool:
    """Wait until what was saved so far is sent; False where `timeout` seconds were too few."""
    return current.client is None or current.client.flush(timeout)


def log_deprecation(
    identifier: str,
    message: str,
    cause: str | None = None,
    expiry_days: int = 30,
    **context: Any,  # noqa: ANN401 - anything
) -> None:
    """As Client.log_deprecation, with the process's client; where there is none, the log says so."""
    client = get_client()
    if client is None:
        report(f"{why_none()}: events are not sent")
    else:
        client.log_deprecation(identifier, message, cause, expiry_days, **context)
