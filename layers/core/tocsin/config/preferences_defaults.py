"""The preferences that the settings give to everybody, also where another version wrote them."""

from __future__ import annotations

import logging

from tocsin.aws.logging import Code, note
from tocsin.config.model import Configuration
from tocsin.telling.preferences import NOTHING_SAID, Preferences


def defaults_of(configuration: Configuration) -> Preferences:
    """Return the preferences that the settings give to everybody; none where they can't be read.

    Another version may have written them. People are then notified rather than not.
    """
    try:
        return configuration.settings.defaults
    except ValueError:
        note(Code.DEFAULTS_UNREAD, "the settings' preferences_defaults hold for nobody", level=logging.ERROR)
        return NOTHING_SAID
