"""Tocsin for Celery: tasks that fail as events, and the request that a task came of known to its events.

tocsin_client.celery.connect()   # where the Celery app is made; successes=True for tasks that succeed, too
"""

from __future__ import annotations

from contextvars import Token
from typing import Any

from celery import signals

from tocsin_client import configuration
from tocsin_client._shared.actions import EventAction
from tocsin_client.current import bind_request_id, request_id, unbind_request_id
from tocsin_client.event import Event, app_of
from tocsin_client.exceptions import tell
from tocsin_client.faults import never_raises

HEADER = "tocsin_request_id"
_FLUSH = 5.0  # seconds

_tokens: dict[str, Token[str | None]] = {}


def connect(*, successes: bool = False) -> None:
    """Follow the process's tasks, of all Celery apps: a system_task_exception for each that failed for good.

    `successes`: a system_task_execution for each that did not. Retries make none.
    """
    signals.before_task_publish.connect(_published, dispatch_uid="tocsin.published")
    signals.task_prerun.connect(_begins, dispatch_uid="tocsin.begins")
    signals.task_postrun.connect(_ends, dispatch_uid="tocsin.ends")
    signals.task_failure.connect(_failed, dispatch_uid="tocsin.failed")
    signals.worker_process_shutdown.connect(_shut_down, dispatch_uid="tocsin.shut_down")
    signals.worker_shutdown.connect(_shut_down, dispatch_uid="tocsin.shut_down")
    if successes:
        signals.task_success.connect(_succeeded, dispatch_uid="tocsin.succeeded")


@never_raises
def _published(*, headers: dict[str, Any] | None = None, **_: object) -> None:
    bound = request_id()
    if headers is not None and bound is not None:
        headers.setdefault(HEADER, bound)


@never_raises
def _begins(*, task_id: str, task: Any, **_: object) -> None:  # noqa: ANN401 - celery has no types
    # A task that runs in the request's own process (task_always_eager) has it already.
    given = getattr(task.request, HEADER, None) or (task.request.headers or {}).get(HEADER) or request_id()
    _tokens[task_id] = bind_request_id(given or task_id)


@never_raises
def _ends(*, task_id: str, **_: object) -> None:
    token = _tokens.pop(task_id, None)
    if token is not None:
        unbind_request_id(token)


@never_raises
def _failed(*, sender: Any, task_id: str, exception: BaseException, **_: object) -> None:  # noqa: ANN401
    told = {"task": {"name": sender.name, "id": task_id, "retries": sender.request.retries}}
    tell(exception, app=_app_of(sender), action=EventAction.SYSTEM_TASK_EXCEPTION, **told)


@never_raises
def _succeeded(*, sender: Any, **_: object) -> None:  # noqa: ANN401
    task = {"name": sender.name, "id": sender.request.id, "retries": sender.request.retries}
    app = configuration.default_app() or _app_of(sender)
    Event.new(EventAction.SYSTEM_TASK_EXECUTION, app=app, task=task).save()


@never_raises
def _shut_down(**_: object) -> None:
    configuration.flush(_FLUSH)  # the pool's processes leave without atexit


def _app_of(task: Any) -> str:  # noqa: ANN401
    return app_of({"__name__": type(task).__module__ if task.__module__ is None else task.__module__})
