"""The program: runs the command line, and turns what went wrong into a sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import typer

from tocsin_cli.app import app_for
from tocsin_cli.errors import CliError, ExitCode
from tocsin_cli.output import ReaderGone
from tocsin_cli.text import plain, plain_lines


def run() -> None:
    """The `tocsin` of the command line."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process by default; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app_for(_words(given))(args=given, prog_name="tocsin", standalone_mode=False)
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


def _words(given: Sequence[str]) -> Sequence[str]:
    """The command line, or the one that a shell wants completed; its last word is not known yet."""
    if "_TOCSIN_COMPLETE" not in os.environ:
        return given
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:] if len(line.split()) > 2 else ()


def _show(error: CliError) -> None:
    from rich.console import Console
    from rich.text import Text

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
