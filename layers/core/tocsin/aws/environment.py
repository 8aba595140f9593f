"""Typed settings of a deployed function, read once from its environment at init."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tocsin.records import dataclass


class MissingSetting(RuntimeError):
    """A function's environment lacks a variable that template.yaml gives it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of one function, asked for by name; a missing one is an error that names it."""

    variables: Mapping[str, str]

    @classmethod
    def of_process(cls) -> Environment:
        """The environment of this process."""
        return cls(os.environ)

    def text(self, name: str) -> str:
        """The variable `name`; MissingSetting where it is absent or empty."""
        value = self.variables.get(name, "")
        if not value:
            raise MissingSetting(f"environment variable {name} is not set; template.yaml gives it to each function")
        return value

    def optional(self, name: str, default: str = "") -> str:
        """The variable `name`, or `default` where it is absent or empty."""
        return self.variables.get(name, "") or default

    def flag(self, name: str) -> bool:
        """Whether the variable `name` says true."""
        return self.optional(name).lower() == "true"

    def words(self, name: str) -> tuple[str, ...]:
        """The variable `name` split at commas, blanks dropped."""
        return tuple(word for part in self.optional(name).split(",") if (word := part.strip()))

    def pairs(self, name: str) -> dict[str, str]:
        """The variable `name`, words of the form key=value, as a dict; empty where it is absent."""
        return dict(word.split("=", 1) for word in self.optional(name).split())
