"""Single entries of the configuration by name: read, create, replace and delete, with a check of the version."""

from tocsin.config.resources.api_keys import Keys
from tocsin.config.resources.editor import ConfigurationEditor, Saved
from tocsin.config.resources.registry import Collection, Resources
from tocsin.config.resources.settings import SettingsEntry
from tocsin.config.resources.sign_ins import SignIns
from tocsin.config.resources.silences import Silences, SilenceState
from tocsin.config.resources.snapshot_entries import Published
from tocsin.config.resources.users import Members, Users
from tocsin.http.preconditions import Precondition, etag_of

__all__ = [
    "Collection",
    "ConfigurationEditor",
    "Keys",
    "Members",
    "Precondition",
    "Published",
    "Resources",
    "Saved",
    "SettingsEntry",
    "SignIns",
    "SilenceState",
    "Silences",
    "Users",
    "etag_of",
]
