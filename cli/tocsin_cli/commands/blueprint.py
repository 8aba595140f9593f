"""`tocsin apply`, `diff` and `export`: configuration as code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tocsin_cli.api import YAML_TYPE, Answer
from tocsin_cli.blueprint.documents import read_document
from tocsin_cli.blueprint.merge import KINDS, SETTINGS, Merged, laid_over, merge
from tocsin_cli.blueprint.show import changes_shown, created_secrets
from tocsin_cli.cli import CONFIGURATION, Cli, command
from tocsin_cli.errors import Conflict, ExitCode, Fault, Invalid, UsageError
from tocsin_cli.files import STDIN
from tocsin_cli.output import Format, to_yaml
from tocsin_cli.text import counted
from tocsin_cli.types import JsonObject, objects, whole

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…", help="YAML or JSON; folders stand for the .yaml, .yml and .json in them; - is standard input."
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="The files are all there is: delete what they do not name.")]
Env = Annotated[bool, typer.Option("--env", help="Replace ${NAME} in texts by environment variables, as for secrets.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, panel=CONFIGURATION)
    def apply(
        cli: Cli,
        files: Files,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Change nothing; exit with 2 where something would change.")
        ] = False,
        prune: Prune = False,
        env: Env = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ) -> None:
        """Make files the configuration: shows what changes, runs the rules' tests, asks, applies.

        Entries that no file names stay, unless --prune is given. Rules, transports and groups are applied at
        once, or not at all. Where an apply fails half way, the same again does the rest.
        """
        wanted, planned, version = _plan(cli, files, prune=prune, env=env)
        if dry_run:
            _answer(cli, planned, wanted)
            return
        changes = objects(planned.get("changes"))
        if not changes:
            cli.out.item(planned, lambda: Text("nothing to change"))
            return
        if cli.out.for_people:
            cli.out.console.print(changes_shown(changes, wanted))
        cli.confirmed(f"Apply {counted(len(changes), 'change')}?", yes=yes)
        applied = _put(cli, wanted, dry_run=False, version=version).object
        _tell_applied(cli, applied, changes)

    @command(app, panel=CONFIGURATION)
    def diff(cli: Cli, files: Files, prune: Prune = False, env: Env = False) -> None:
        """Show what applying the files would change; exit with 2 where something would."""
        wanted, planned, _ = _plan(cli, files, prune=prune, env=env)
        _answer(cli, planned, wanted)

    @command(app, panel=CONFIGURATION)
    def export(
        cli: Cli,
        kinds: Annotated[
            list[str] | None, typer.Argument(metavar="KIND", help="Only these: settings, users, rules, …")
        ] = None,
        split: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Write a file for each kind into this folder.")
        ] = None,
    ) -> None:
        """Write the configuration as YAML (or --output json): what `apply` takes. Secrets are masked, and stay."""
        known = (SETTINGS, *KINDS)
        wanted = kinds or list(known)
        if unknown := [kind for kind in wanted if kind not in known]:
            raise UsageError(f"there is no kind {unknown[0]!r}; there are: {', '.join(known)}")
        if split is None and kinds is None and cli.out.form in {Format.TABLE, Format.YAML}:
            cli.out.write(cli.api.get("/blueprint", accept=YAML_TYPE).raw)
            return
        blueprint = cli.api.get("/blueprint").object
        chosen: JsonObject = {kind: blueprint[kind] for kind in known if kind in wanted and blueprint.get(kind)}
        if split is None:
            _write(cli, chosen)
            return
        split.mkdir(parents=True, exist_ok=True)
        for kind, content in chosen.items():
            path = split / f"{kind}.yaml"
            path.write_text(to_yaml({kind: content}), encoding="utf-8")
            cli.out.done(f"{path}")


def _write(cli: Cli, chosen: JsonObject) -> None:
    if cli.out.for_people:
        cli.out.write(to_yaml(chosen))
    else:
        cli.out.data(chosen)


def _plan(cli: Cli, files: list[str], *, prune: bool, env: bool) -> tuple[Merged, JsonObject, str | None]:
    """The blueprint that the files want, what the API says it would change, and the version of which it says so."""
    documents = [read_document(name, os.environ if env else None) for name in _expanded(files)]
    if prune and all(document.says_nothing for document in documents):
        raise Invalid("the files are empty, and --prune would delete everything", hint="{} is an empty blueprint")
    wanted = merge(documents)
    version = None
    if not prune:
        now = cli.api.get("/blueprint")
        wanted, version = laid_over(now.object, wanted), now.etag
    planned = _put(cli, wanted, dry_run=True, version=version)
    return wanted, planned.object, version or planned.etag


def _expanded(files: list[str]) -> list[str]:
    found: list[str] = []
    for name in files:
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside = sorted(str(each) for each in path.iterdir() if each.suffix in {".yaml", ".yml", ".json"})
            if not inside:
                raise Invalid(f"there is no .yaml, .yml or .json in {name}")
            found += inside
        else:
            found.append(name)
    return found


def _put(cli: Cli, wanted: Merged, *, dry_run: bool, version: str | None) -> Answer:
    """Send the blueprint, in place of `version` alone. What is wrong with it is told by file and line."""
    query = {"dry_run": "true"} if dry_run else None
    try:
        with cli.out.status("running the rules' tests" if dry_run else "applying"):
            return cli.api.put("/blueprint", wanted.document, query=query, if_match=version)
    except Conflict as error:
        error.hint = "nothing was changed: run it again, and see what it changes now"
        raise
    except Invalid as error:
        faults = [Fault(wanted.place_of(fault.where), fault.message) for fault in error.faults]
        raise Invalid("this can't be the configuration" if faults else str(error), faults) from None


def _answer(cli: Cli, planned: JsonObject, wanted: Merged) -> None:
    """Show the plan, and end with 2 where something would change."""
    changes = objects(planned.get("changes"))
    cli.out.item(planned, lambda: changes_shown(changes, wanted))
    tests = sum(len(objects(rule.content.get("tests"))) for rule in wanted.entries["rules"].values())
    if tests:
        cli.out.done(f"{counted(tests, 'test')} of rules passed")
    if planned.get("changed"):
        raise typer.Exit(ExitCode.WOULD_CHANGE)


def _tell_applied(cli: Cli, applied: JsonObject, planned: list[JsonObject]) -> None:
    changes = objects(applied.get("changes"))
    cli.out.done(f"applied {counted(len(changes), 'change')} as version {whole(applied.get('version'))}")
    if changes != planned:
        cli.out.warn("somebody changed the configuration meanwhile: what was applied is not just what was shown")
        if cli.out.for_people:
            cli.out.console.print(changes_shown(changes, Merged()))
    secrets = created_secrets(applied)
    if cli.out.for_people:
        for secret in secrets:
            cli.out.console.print(
                Text.assemble(f"{secret['kind']} {secret['name']}: ", (str(secret["secret"]), "bold"))
            )
        if secrets:
            cli.out.note("secrets are shown this once", style="yellow")
    else:
        cli.out.data(applied)
