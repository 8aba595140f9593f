"""The configuration an entry at a time: read, created or replaced, deleted, by name, with versions that are checked."""

from tocsin.http.preconditions import Precondition, etag_of
from tocsin.management.desk import EditingDesk, Page, Saved
from tocsin.management.keys import Keys
from tocsin.management.management import Collection, Management
from tocsin.management.people import Members, Users
from tocsin.management.published import Published
from tocsin.management.settings import SettingsEntry
from tocsin.management.silences import Silences, SilenceState

__all__ = [
    "Collection",
    "EditingDesk",
    "Keys",
    "Management",
    "Members",
    "Page",
    "Precondition",
    "Published",
    "Saved",
    "SettingsEntry",
    "SilenceState",
    "Silences",
    "Users",
    "etag_of",
]
