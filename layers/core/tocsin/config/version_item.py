"""The item that says which configuration is in force: its key, and how long a reader may remember it."""

from __future__ import annotations

from datetime import timedelta

from tocsin.aws.dynamodb import text

VERSION_KEY = {"pk": text("version"), "sk": text("current")}

REFRESH = timedelta(seconds=4)
"""How long a reader may remember the item: a change is in force everywhere within five seconds."""
