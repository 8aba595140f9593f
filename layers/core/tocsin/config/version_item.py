"""The item that says which configuration holds, where it stands and how long a reader may go on with what it knew."""

from __future__ import annotations

from datetime import timedelta

from tocsin.aws.dynamodb import text

VERSION_KEY = {"pk": text("version"), "sk": text("current")}

REFRESH = timedelta(seconds=4)
"""How old a reader's knowledge of the item may be: a change is in force everywhere within five seconds."""
