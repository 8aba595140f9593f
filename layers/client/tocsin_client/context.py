"""Blocks of code whose events have something in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tocsin_client.current import bind_request_id, overwrite_user, restore_user, unbind_request_id


@contextmanager
def bound_request_id(value: str | None) -> Iterator[None]:
    """Give all events in the block this request id."""
    token = bind_request_id(value)
    try:
        yield
    finally:
        unbind_request_id(token)


@contextmanager
def audit_overwrite_user(user: object) -> Iterator[None]:
    """Let all events in the block be by this user: of a job that acts for somebody, say."""
    token = overwrite_user(user)
    try:
        yield
    finally:
        restore_user(token)
