"""What is said of an operation of the API."""

from __future__ import annotations

from tocsin.identity.principal import Scope
from tocsin.records import dataclass

JSON = "application/json"
NDJSON = "application/x-ndjson"
YAML = "application/yaml"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `scopes` are all needed; None where no key is."""

    method: str
    path: str
    tag: str
    summary: str
    scopes: tuple[Scope, ...] | None
    answers: dict[int, str]
    """Statuses of success, and the named schema of each; empty for no body."""
    query: tuple[str, ...] = ()
    body: str | None = None
    """The named schema of what is sent."""
    optional_body: bool = False
    body_note: str = ""
    """What there is to say of the body beside its schema."""
    takes: tuple[str, ...] = (JSON,)
    gives: tuple[str, ...] = (JSON,)
    versioned: bool = False
    """Whether answers carry an ETag, and requests may carry If-Match or If-None-Match."""
    problems: tuple[int, ...] = ()
    """Statuses of refusal beyond those that every operation has."""
    headers: tuple[str, ...] = ()
    any_of: tuple[Scope, ...] = ()
    """Scopes of which one is needed beside those."""

    @property
    def id(self) -> str:
        """`put_rules_name` for PUT /rules/{name}."""
        words = self.path.replace("-", "_").replace("{", "").replace("}", "").strip("/").split("/")
        return "_".join((self.method.lower(), *words))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parts that vary."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


PAGED = ("limit", "cursor")
LISTED = ("search", *PAGED)
WRITING = (400, 413, 415)
"""Statuses that whatever takes a body may answer with."""
