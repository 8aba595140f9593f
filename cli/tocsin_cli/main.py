"""The program: runs the command line, and turns what went wrong into a sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

import typer

from tocsin_cli.app import app_for
from tocsin_cli.errors import CliError, ExitCode, Invalid, UsageError
from tocsin_cli.output import ReaderGone
from tocsin_cli.text import plain, plain_lines


def run() -> None:
    """The `tocsin` of the command line."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process by default; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    _set_encodings()
    try:
        _check_encoding(given)
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
    except OSError as error:
        return _no_file(error)
    return code if isinstance(code, int) else ExitCode.OK


def _open_what_is_closed() -> None:
    """Have the standard streams that the program was started without (`>&-`) lead nowhere: Python has none then."""
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")


def _set_encodings() -> None:
    """Read UTF-8 where nobody types, whatever the terminal's encoding; write what that can't show as `?`."""
    if isinstance(sys.stdin, TextIOWrapper) and not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def _nowhere(mode: str) -> TextIO:
    return cast(TextIO, Path(os.devnull).open(mode, encoding="utf-8"))


def _check_encoding(given: Sequence[str]) -> None:
    """UsageError for an argument that is no text in the terminal's encoding: nothing is called so."""
    for argument in given:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{argument!r} is not UTF-8") from None


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
    said = {str(error), f": {error}"}
    faults = [fault for fault in error.faults if f"{fault.where}: {fault.message}" not in said]
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
    _write_no_more()
    return 128 + signal.SIGPIPE


def _no_file(error: OSError) -> int:
    """A file, a folder, or what our output goes to, can't be read or written."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        failed: CliError = Invalid(f"{os.fsdecode(error.filename)}: {reason}")
    else:
        failed = CliError(f"the output can't be written: {reason}")
        _write_no_more()
    _show(failed)
    return failed.exit_code


def _write_no_more() -> None:
    """Have what is left of standard output go nowhere, or Python would fail at it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
