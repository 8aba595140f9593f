"""Events of models: what was created, what changed from what to what, what was deleted.

An event is saved when the transaction that it belongs to is committed; what is rolled back has not happened.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.fields import NOT_PROVIDED
from django.db.models.fields.files import FieldFile
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from tocsin_client import configuration
from tocsin_client._shared.actions import EventAction
from tocsin_client.django.ignoring import ignored_fields, is_ignored_model, is_ignoring
from tocsin_client.django.middleware import current_request
from tocsin_client.django.references import reference
from tocsin_client.event import Event
from tocsin_client.faults import never_raises
from tocsin_client.users import as_user

_BEFORE = "tocsin_before"
_MAX_RELATED = 500  # primary keys that one event tells
_CHANGED = {"post_add": "added", "post_remove": "removed", "pre_clear": "removed"}


def connect() -> None:
    """Make events of all models from now on but the ignored ones. Those go on being deleted without being loaded."""
    for model in apps.get_models():
        if not is_ignored_model(model):
            for signal, receiver in ((pre_save, _before), (post_save, _saved), (pre_delete, _deleted)):
                signal.connect(receiver, sender=model, dispatch_uid=f"tocsin.{model._meta.label}")
    m2m_changed.connect(_related, dispatch_uid="tocsin.m2m")


@never_raises
def _before(
    *,
    sender: type[models.Model],
    instance: models.Model,
    raw: bool,
    using: str,
    update_fields: Any,  # noqa: ANN401
    **_: object,
) -> None:
    """Read what the database has, for a diff: the object in memory may be long, and saved by others meanwhile."""
    state: Any = instance._state
    setattr(state, _BEFORE, None)
    if raw or is_ignoring() or instance.pk is None or (state.adding and _makes_its_key(sender)):
        return
    fields = [field.attname for field in _audited(sender, instance, update_fields)]
    if fields:
        rows = sender._base_manager.using(using).filter(pk=instance.pk).values(*fields)
        setattr(state, _BEFORE, rows.first())


def _makes_its_key(model: type[models.Model]) -> bool:
    """Whether Django inserts a new object without asking for a row of its key, since it makes the key itself.

    Any other may have the key of a row that is there, and change that.
    """
    key: Any = model._meta.pk
    return key.has_default() or getattr(key, "db_default", NOT_PROVIDED) is not NOT_PROVIDED  # from Django 5.0 on


@never_raises
def _saved(
    *,
    sender: type[models.Model],
    instance: models.Model,
    created: bool,
    raw: bool,
    using: str,
    update_fields: Any,  # noqa: ANN401
    **_: object,
) -> None:
    before = instance._state.__dict__.pop(_BEFORE, None)
    if raw or is_ignoring():
        return
    if created:
        _save(_event(EventAction.MODEL_CREATED, instance), using)
    elif before is not None:
        diff = _diff(sender, instance, before, update_fields)
        if diff:
            _save(_event(EventAction.MODEL_UPDATED, instance, diff=diff), using)
    # Set by set_password, and unset once the password is saved; not where a login has only hashed it anew.
    set_now = isinstance(instance, AbstractBaseUser) and getattr(instance, "_password", None) is not None
    if set_now and (update_fields is None or "password" in update_fields):
        _save(_password_set(instance), using)


@never_raises
def _deleted(*, instance: models.Model, using: str, **_: object) -> None:
    if not is_ignoring():
        _save(_event(EventAction.MODEL_DELETED, instance), using)


@never_raises
def _related(
    *,
    sender: type[models.Model],
    instance: Any,  # noqa: ANN401 - a model, or its class where raw data is loaded
    action: str,
    reverse: bool,
    model: type[models.Model],
    pk_set: set[Any] | None,
    using: str,
    **_: object,
) -> None:
    if action not in _CHANGED or is_ignoring() or is_ignored_model(type(instance)):
        return
    name = _relation(type(instance), sender, reverse=reverse)
    if action == "pre_clear":
        pks = list(getattr(instance, name).values_list("pk", flat=True)[: _MAX_RELATED + 1])
    else:
        pks = list(pk_set or ())
    if not pks or name in ignored_fields(type(instance)):
        return
    change: dict[str, Any] = {_CHANGED[action]: sorted(pks, key=str)[:_MAX_RELATED]}
    if len(pks) > _MAX_RELATED:
        change["more"] = True
    meta = model._meta
    change["model"] = {"app": meta.app_label, "model_name": meta.model_name}
    _save(_event(EventAction.MODEL_UPDATED, instance, diff={name: change}), using)


def _relation(owner: type[models.Model], through: type[models.Model], *, reverse: bool) -> str:
    """The name by which `owner` knows the other side of a relation."""
    meta = owner._meta
    relations: Any = [r for r in meta.related_objects if r.many_to_many] if reverse else meta.many_to_many
    for relation in relations:
        if reverse and relation.through is through:
            return str(relation.get_accessor_name())
        if not reverse and relation.remote_field.through is through:
            return str(relation.name)
    return through._meta.model_name or through.__name__


def _audited(model: type[models.Model], instance: models.Model, update_fields: Any) -> list[models.Field[Any, Any]]:  # noqa: ANN401
    """The fields that are saved, but the ignored ones."""
    ignored = ignored_fields(model)
    deferred = instance.get_deferred_fields()
    return [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key
        and field.name not in ignored
        and field.attname not in deferred
        and (update_fields is None or field.name in update_fields or field.attname in update_fields)
    ]


def _diff(
    model: type[models.Model],
    instance: models.Model,
    before: dict[str, Any],
    update_fields: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """{field: {previous_value, new_value}} of what changed; {} where that is nothing but times that save themselves."""
    changed: dict[str, Any] = {}
    for field in _audited(model, instance, update_fields):
        previous, new = before.get(field.attname), _value(field, instance)
        if previous != new:
            changed[field.name] = {"previous_value": previous, "new_value": new}
    times = {field.name for field in model._meta.concrete_fields if getattr(field, "auto_now", False)}
    return changed if changed.keys() - times else {}


def _value(field: Any, instance: models.Model) -> object:  # noqa: ANN401 - a field of any kind
    """What was saved, as the database gives it back; an expression, which it has worked out, as text."""
    value = field.value_from_object(instance)
    if hasattr(value, "resolve_expression"):
        return str(value)
    if isinstance(value, FieldFile):
        return value.name or ""
    try:
        return field.to_python(value)
    except ValidationError:
        return value


def _event(action: str, instance: models.Model, **context: object) -> Event:
    app = configuration.default_app() or instance._meta.app_label
    event = Event.new(action, app=app, model=reference(instance), **context)
    request = current_request()
    return event if request is None else event.from_http(request)


def _password_set(user: AbstractBaseUser) -> Event:
    """By the user whose password it is, as the original has it; `by` is who has set it for them."""
    event = _event(EventAction.PASSWORD_SET, user)
    by, event.user = event.user, as_user(user)
    if by and by.get("pk") != user.pk:
        event.context["by"] = by
    return event


def _save(event: Event, using: str) -> None:
    event.snapshot()
    transaction.on_commit(event.save, using=using, robust=True)
