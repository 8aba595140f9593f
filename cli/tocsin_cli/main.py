"""The program: runs the command line, and turns what went wrong into a sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from tocsin_cli.app import app
from tocsin_cli.errors import CliError, ExitCode
from tocsin_cli.output import ReaderGone
from tocsin_cli.text import plain, plain_lines


def run() -> None:
    """The `tocsin` of the command line."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process by default; its exit code."""
    try:
        code = app(args=arguments, prog_name="tocsin", standalone_mode=False)
    except CliError as error:
        _show(error)
        return error.exit_code
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        return _usage(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except ReaderGone:
        return _no_reader()
    return code if isinstance(code, int) else ExitCode.OK


def _show(error: CliError) -> None:
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    failed = error.exit_code is not ExitCode.OK
    console.print(Text.assemble(("error: " if failed else "", "bold red"), plain_lines(str(error))))
    faults = [fault for fault in error.faults if f"{fault.where}: {fault.message}" != str(error)]
    for fault in faults:
        where = f"{fault.where}: " if fault.where else ""
        console.print(Text.assemble("  ", (plain(where), "bold"), plain_lines(fault.message)))
    if error.hint:
        console.print(Text(f"  {plain(error.hint)}", style="dim"))


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "tocsin")
    message = error.format_message().strip()
    # A command that needs another one below it shows its help, and has said all with it.
    if message and type(error).__name__ != "NoArgsIsHelpError":
        _show(CliError(message, hint=f"see `{path} --help`"))
    elif message:
        typer.echo(message, err=True)
    return ExitCode.USAGE


def _no_reader() -> int:
    """Whoever read our output (`| head`) has enough: end as a program that the signal ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE
