"""Presets: how other services want to be told, as data. `preset: teams` on a webhook transport is all it takes.

One JSON file a service in `data/`: where it is posted to, which credentials it wants, the body as a template (see
`template`), the limits that are met by cutting, and how its answers are read (see `answers`). JSON, since the
webhook's function loads neither YAML nor CEL for it; and a file is read when a transport first names it.

    render(load("teams"), Told.of(context), options, url) -> PresetRequest(url, headers, body)

Rendering never fails: what an event holds can make a message shorter, never undeliverable.
"""

from tocsin.notifications.presets.answers import read_answer
from tocsin.notifications.presets.catalogue import Option, Preset, known_presets, load
from tocsin.notifications.presets.request import PresetRequest, render
from tocsin.notifications.presets.told import Kind, Told

__all__ = [
    "Kind",
    "Option",
    "Preset",
    "PresetRequest",
    "Told",
    "known_presets",
    "load",
    "read_answer",
    "render",
]
