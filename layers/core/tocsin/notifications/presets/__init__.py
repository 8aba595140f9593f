"""Presets: the message formats of other services, as data. A webhook transport uses one by `preset: teams`.

Each service has one JSON file in `data/`: the URL, the credentials it needs, the body as a template (see `template`),
limits that messages are cut to, and how its responses are read (see `answers`). The files are JSON so that the webhook
function need not load YAML or CEL, and each is read when a transport first uses it.

    render(load("teams"), Told.of(context), options, url) -> PresetRequest(url, headers, body)

Rendering never fails: the content of an event can make a message shorter, but not undeliverable.
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
