"""What holds for all events of a request, a task or a block of code (contextvars: also over await and in its tasks)."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Token

_request_id: ContextVar[str | None] = ContextVar("tocsin_request_id", default=None)
_user: ContextVar[object] = ContextVar("tocsin_user", default=None)


def request_id() -> str | None:
    """The id of the request that is being worked at; None outside of one."""
    return _request_id.get()


def bind_request_id(value: str | None) -> Token[str | None]:
    """Give all events from now on this request id; hand the token to `unbind_request_id` at the request's end."""
    return _request_id.set(value)


def unbind_request_id(token: Token[str | None]) -> None:
    """End what `bind_request_id` began. Where that was in another context, it has ended with that."""
    try:
        _request_id.reset(token)
    except ValueError:  # a response that is read in another task
        _request_id.set(None)


def overwriting_user() -> object:
    """Who all events are by, whatever they say themselves; None where they say it."""
    return _user.get()


def overwrite_user(user: object) -> Token[object]:
    """Let all events from now on be by this user; hand the token to `restore_user`."""
    return _user.set(user)


def restore_user(token: Token[object]) -> None:
    """End what `overwrite_user` began."""
    _user.reset(token)
