"""Users of whatever framework as an event's user: {pk, username, email, is_anonymous}."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PK = ("pk", "id", "sub")
_USERNAME = ("username", "user_name", "preferred_username", "cognito:username", "name", "display_name")
_EMAIL = ("email", "mail", "email_address")
_KEPT = ("is_anonymous", "on_behalf_of", "authenticated_as")


def as_user(user: object) -> dict[str, Any]:
    """The user as an event has it. A text is a username; None and what is nobody is {}, an anonymous one says so."""
    if user is None:
        return {}
    if isinstance(user, str):
        return {"username": user} if user else {}
    if isinstance(user, Mapping):
        return _of_mapping(user)
    if _is_anonymous(user):
        return {"is_anonymous": True}
    found = {
        "pk": _first(user, _PK) if _first(user, _PK) is not None else _called(user, "get_id"),
        "username": _called(user, "get_username") or _first(user, _USERNAME),
        "email": _email(user),
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _of_mapping(user: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, keys in (("pk", _PK), ("username", _USERNAME), ("email", _EMAIL)):
        value = next((user[key] for key in keys if user.get(key) not in (None, "")), None)
        if value is not None:
            told[name] = value
    told.update((name, user[name]) for name in _KEPT if user.get(name))
    return told


def _is_anonymous(user: object) -> bool:
    """As Django, Flask-Login and Starlette say it."""
    anonymous = getattr(user, "is_anonymous", None)
    if isinstance(anonymous, bool):
        return anonymous
    return getattr(user, "is_authenticated", None) is False


def _email(user: object) -> object:
    field = _called(user, "get_email_field_name")  # Django: the model says which field it is
    return _first(user, (str(field), *_EMAIL) if field else _EMAIL)


def _first(user: object, names: tuple[str, ...]) -> object:
    for name in names:
        value = getattr(user, name, None)
        if value not in (None, "") and not callable(value):
            return value
    return None


def _called(user: object, name: str) -> object:
    method = getattr(user, name, None)
    return method() if callable(method) else None
