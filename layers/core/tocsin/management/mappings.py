"""Mappings by name. An edit holds for all transports that name the mapping, from the next delivery on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import TypeAdapter

from tocsin.blueprint import Blueprint
from tocsin.configuration import Configuration
from tocsin.management.desk import EditingDesk
from tocsin.management.published import Published
from tocsin.notifications.transport import Mapping


class Mappings(Published[Mapping]):
    """Mappings."""

    kind: ClassVar[str] = "mappings"
    model: ClassVar[str] = "mapping"

    def __init__(self, desk: EditingDesk) -> None:
        super().__init__(desk, TypeAdapter(Mapping))

    def _check(self, entry: Mapping, configuration: Configuration) -> None:
        self._desk.check(Blueprint(mappings=(entry,)), "mappings[0]")

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        return (
            f"transport {transport.name!r}"
            for transport in configuration.transports
            if name in {transport.body_mapping, transport.headers_mapping}
        )
