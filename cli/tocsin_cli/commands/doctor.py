"""`tocsin doctor`: is a deployed stack well?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from tocsin_cli.aws import Aws
from tocsin_cli.cli import OPERATING, Cli, command
from tocsin_cli.doctor.api_checks import ApiChecks, states
from tocsin_cli.doctor.aws_checks import NAMES, AwsChecks
from tocsin_cli.doctor.finding import Finding, State, run, unknown
from tocsin_cli.errors import CliError, ExitCode
from tocsin_cli.output import Column
from tocsin_cli.text import counted, plain

_MARKS = {
    State.OK: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "red"),
    State.UNKNOWN: ("?", "magenta"),
}
_COLUMNS = (
    Column("CHECK", lambda finding: finding.get("check"), whole=True),
    Column("WHAT", lambda finding: finding.get("message")),
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=OPERATING)
    def doctor(
        cli: Cli,
        stack: Annotated[
            str | None, typer.Option(metavar="NAME", help="The stack; the profile's, or TOCSIN_STACK, by default.")
        ] = None,
        strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings and unknowns, too.")] = False,
    ) -> None:
        """Check a deployed stack: API, clock, keys, transports, rules, silences; by AWS also SES, queues and alarms.

        Exits with 1 where something is wrong. What can't be told is said to be unknown.
        """
        found: list[Finding] = []
        for finding in _findings(cli, stack):
            found.append(finding)
            if cli.out.for_people:
                cli.out.console.print(_line(finding), soft_wrap=not cli.out.console.is_terminal)
        if not cli.out.for_people:
            cli.out.items([finding.to_json() for finding in found], _COLUMNS, none="")
        counts = states(found)
        told = ", ".join(f"{counts[state]} {state}" for state in State if state in counts)
        cli.out.note(f"{counted(len(found), 'finding')}: {told}", style="bold")
        bad = {State.FAILED} | ({State.WARNING, State.UNKNOWN} if strict else set())
        if any(finding.state in bad for finding in found):
            raise typer.Exit(ExitCode.FAILED)


def _findings(cli: Cli, stack: str | None) -> Iterator[Finding]:
    by_api = ApiChecks(cli.api)
    yield from run(by_api.all())
    try:
        aws = Aws.of(cli.profile, stack)
        mail = _sends_mail(by_api)
    except CliError as error:
        for name in NAMES:
            yield unknown(name, f"can't tell: {error}", error.hint or "")
        return
    yield from run(AwsChecks(aws, sends_mail=mail).all())


def _sends_mail(by_api: ApiChecks) -> bool:
    try:
        return by_api.has_mail()
    except CliError:
        return True


def _line(finding: Finding) -> Text:
    mark, style = _MARKS[finding.state]
    line = Text.assemble((f"{mark} ", style), (f"{plain(finding.check):<28}", "bold"), " ", plain(finding.message))
    if finding.hint and finding.state is not State.OK:
        line.append(f"\n{' ' * 31}{plain(finding.hint)}", style="dim")
    return line
