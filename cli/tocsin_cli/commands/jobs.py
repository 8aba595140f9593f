"""`tocsin exports` and `tocsin erasures`: jobs of the API that take longer than a request."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from tocsin_cli.api import path_of
from tocsin_cli.cli import EVENTS, Cli, command, group
from tocsin_cli.commands import filters
from tocsin_cli.errors import CliError, UsageError
from tocsin_cli.files import fetch
from tocsin_cli.output import Column, fields, styled
from tocsin_cli.text import counted, plain
from tocsin_cli.times import local, parse_moment
from tocsin_cli.types import Json, JsonObject, mapping, text, whole

_ASKED_AGAIN_S = 3.0

Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is done.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]


def _what(export: JsonObject) -> str:
    return ", ".join(f"{name}={value}" for name, value in mapping(export.get("filters")).items()) or "all"


_COLUMNS = (
    Column("CREATED", lambda job: local(text(job, "created"))),
    Column("STATE", lambda job: text(job, "state"), state=True),
    Column("BY", lambda job: text(job, "by")),
    Column("EVENTS", lambda job: whole(job.get("events"))),
)
_EXPORTS = (
    *_COLUMNS,
    Column("FORMAT", lambda job: text(job, "format")),
    Column("WHICH", _what, cut=True),
    Column("ID", lambda job: text(job, "id"), whole=True),
)
_ERASURES = (
    *_COLUMNS,
    Column("REASON", lambda job: text(job, "reason"), cut=True),
    Column("ID", lambda job: text(job, "id"), whole=True),
)


def register(app: typer.Typer) -> None:
    """Add the groups."""
    exports = group(app, "exports", "Files of events, written by the stack.", panel=EVENTS)
    _add_reading(exports, "exports", "export", _EXPORTS)
    _add_export(exports)
    _add_download(exports)
    erasures = group(app, "erasures", "Deleting all events of a person (GDPR).", panel=EVENTS)
    _add_reading(erasures, "erasures", "erasure", _ERASURES)
    _add_erasure(erasures)


def _add_reading(jobs: typer.Typer, kind: str, one: str, columns: tuple[Column, ...]) -> None:
    def list_(cli: Cli, search: filters.Search = None) -> None:
        cli.out.items(cli.api.items(f"/{kind}", filters.searched(search)), columns, none=f"there are no {kind}")

    def show(cli: Cli, job_id: JobId) -> None:
        _show(cli, cli.api.get(path_of(kind, job_id)).object)

    list_.__doc__ = f"List {kind}, the latest first."
    show.__doc__ = f"Show how far an {one} is, and what came of it."
    command(jobs, "list")(list_)
    command(jobs)(show)


def _add_export(exports: typer.Typer) -> None:
    @command(exports)
    def create(
        cli: Cli,
        words: filters.Words = None,
        action: filters.Action = None,
        user: filters.User = None,
        user_pk: filters.UserPk = None,
        app_: filters.App = None,
        model: filters.Model = None,
        model_pk: filters.ModelPk = None,
        application: filters.Application = None,
        client_ip: filters.ClientIp = None,
        brand: filters.Brand = None,
        since: filters.Since = None,
        until: filters.Until = None,
        cel: filters.Cel = None,
        form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="jsonl or csv.")] = "jsonl",
        file: Annotated[
            Path | None, typer.Option("--file", "-f", metavar="FILE", help="Wait, and write it here.")
        ] = None,
        wait: Wait = False,
    ) -> None:
        """Have the stack write events to a file, which is kept for a week.

        tocsin exports create --app shop --since 90d --format csv --file shop.csv
        """
        query = filters.query_of(
            words=words,
            action=action,
            user=user,
            user_pk=user_pk,
            app_=app_,
            model=model,
            model_pk=model_pk,
            application=application,
            client_ip=client_ip,
            brand=brand,
            since=None if since is None else parse_moment(since, "--since"),
            until=until,
            cel=cel,
        )
        chosen: JsonObject = {**query}
        job = cli.api.post("/exports", {"format": form, "filters": chosen}).object
        if file is not None or wait:
            job = _awaited(cli, "exports", job)
        if file is not None:
            _download(cli, job, file)
        else:
            _show(cli, job)


def _add_download(exports: typer.Typer) -> None:
    @command(exports)
    def download(
        cli: Cli, job_id: JobId, file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")]
    ) -> None:
        """Write an export's file here."""
        _download(cli, cli.api.get(path_of("exports", job_id)).object, file)


def _add_erasure(erasures: typer.Typer) -> None:
    @command(erasures)
    def create(
        cli: Cli,
        reason: Annotated[str, typer.Option(metavar="TEXT", help="Why: it is kept, so name no person in it.")],
        username: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Their username.")] = None,
        pk: Annotated[str | None, typer.Option("--user-pk", metavar="PK", help="Their primary key.")] = None,
        email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Their e-mail address.")] = None,
        wait: Wait = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ) -> None:
        """Delete all events whose user somebody is, with their notifications and deliveries. There is no way back.

        tocsin erasures create --user alice --email alice@example.com --reason "ticket 4711" --wait
        """
        person: dict[str, Json] = {"username": username, "pk": pk, "email": email}
        named = {name: value for name, value in person.items() if value is not None}
        if not named:
            raise UsageError("whose events? Say --user, --user-pk, --email, or several of them")
        shown = ", ".join(f"{name} {value}" for name, value in named.items())
        cli.confirmed(f"Delete every event of {shown}, for good?", yes=yes)
        job = cli.api.post("/erasures", {**named, "reason": reason}).object
        _show(cli, _awaited(cli, "erasures", job) if wait else job)


def _awaited(cli: Cli, kind: str, job: JsonObject) -> JsonObject:
    """The job when it is over. Raises CliError where it failed."""
    with cli.out.status(f"waiting for {text(job, 'id')}: it begins within a minute"):
        while text(job, "state") not in {"done", "failed"}:
            time.sleep(_ASKED_AGAIN_S)
            job = cli.api.get(path_of(kind, text(job, "id"))).object
    if text(job, "state") == "failed":
        raise CliError(f"it failed: {text(job, 'error')}")
    return job


def _download(cli: Cli, export: JsonObject, file: Path) -> None:
    link = text(export, "link")
    if not link:
        raise CliError(f"there is no file: the export is {text(export, 'state')}", hint="files are kept for a week")
    size = fetch(link, file)
    cli.out.done(f"{counted(whole(export.get('events')), 'event')} in {file}, {size:,} bytes")
    cli.out.data(export)


def _show(cli: Cli, job: JsonObject) -> None:
    cli.out.item(job, lambda: _facts(job))


def _facts(job: JsonObject) -> RenderableType:
    moments = {"created", "updated", "scanned_until", "kept_until", "link_expires"}
    shown: list[tuple[str, RenderableType | None]] = [("id", text(job, "id")), ("state", styled(text(job, "state")))]
    for name, value in job.items():
        if name not in {"id", "state"} and value not in (None, "", {}):
            said = local(text(job, name)) if name in moments else plain(str(value))
            shown.append((name.replace("_", " "), said))
    return fields(shown)
