"""Checks of the fields that a preset requires of its transport, and of those that it excludes."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.errors import Violation
from tocsin.notifications.presets import Preset, known_presets, load
from tocsin.notifications.transport import TransportMode


def check_preset(path: str, transport: TransportEntry) -> Iterator[Violation]:
    """Yield what is wrong with a transport's preset and its options. Messages never contain an option's value."""
    if transport.preset is None:
        if transport.options:
            yield Violation(f"{path}.options", "has no meaning without a preset")
        return
    preset = load(transport.preset)
    if preset is None:
        known = ", ".join(known_presets())
        yield Violation(f"{path}.preset", f"there is no preset {transport.preset!r}; presets are: {known}")
        return
    if transport.mode is not TransportMode.WEBHOOK:
        return  # the check of the mode reports that
    if transport.body_mapping is not None:
        yield Violation(f"{path}.body_mapping", f"can't go with a preset: {preset.name} says the body itself")
    if transport.secret is not None and not preset.signed:
        yield Violation(f"{path}.secret", f"has no meaning for the preset {preset.name}: its service verifies none")
    if transport.url is not None and not transport.url.endswith(MASK):
        wrong = preset.address.wrong(transport.url)
        if wrong is not None:
            yield Violation(f"{path}.url", wrong)
    yield from _options(path, transport, preset)


def _options(path: str, transport: TransportEntry, preset: Preset) -> Iterator[Violation]:
    for name, value in transport.options.items():
        option = preset.options.get(name)
        if option is None:
            known = ", ".join(preset.options) or "none"
            yield Violation(f"{path}.options.{name}", f"is no option of the preset {preset.name}; it has: {known}")
        elif not (option.secret and value == MASK):
            wrong = option.wrong(value)
            if wrong is not None:
                yield Violation(f"{path}.options.{name}", wrong)
    for name, option in preset.options.items():
        if option.required and name not in transport.options:
            yield Violation(f"{path}.options.{name}", f"is required for the preset {preset.name}: {option.says}")


def preset_of(transport: TransportEntry) -> Preset | None:
    """The preset that a webhook names; None where it names none, or an unknown one."""
    return load(transport.preset) if transport.preset and transport.mode is TransportMode.WEBHOOK else None
