"""Mappings by name. An edit applies to every transport that uses the mapping, from the next delivery on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tocsin.config.blueprint import Blueprint
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor
from tocsin.config.resources.snapshot_entries import Published
from tocsin.notifications.transport import Mapping


class Mappings(Published[Mapping]):
    """Mappings."""

    kind: ClassVar[str] = "mappings"
    model: ClassVar[str] = "mapping"

    def __init__(self, editor: ConfigurationEditor) -> None:
        super().__init__(editor, Mapping)

    def _check(self, entry: Mapping, configuration: Configuration) -> None:
        self._editor.check(Blueprint(mappings=(entry,)), "mappings[0]")

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        return (
            f"transport {transport.name!r}"
            for transport in configuration.transports
            if name in {transport.body_mapping, transport.headers_mapping}
        )
