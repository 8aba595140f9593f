"""What every command works with, and the options that every command has."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin_cli.errors import CliError, ExitCode, Refused, UsageError
from tocsin_cli.output import Colour, Format, Output, ReaderGone
from tocsin_cli.profiles import Profile, Profiles, chosen

if TYPE_CHECKING:
    from tocsin_cli.api import Api

COMMON = "Options of every command"
"""The heading of the options below."""

EVENTS = "Events"
DELIVERIES = "Deliveries"
CONFIGURATION = "Configuration"
OPERATING = "Operating"
HERE = "On this machine"
"""The headings of commands."""


@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command has."""

    profile: str | None = None
    url: str | None = None
    output: Format = Format.TABLE
    colour: Colour = Colour.AUTO
    timeout: float = 60.0
    verbose: bool = False


@dataclass
class Cli:
    """What a command works with: the API, the profile, and where results go."""

    common: Common = field(default_factory=Common)

    @cached_property
    def out(self) -> Output:
        """Where results go."""
        return Output(self.common.output, self.common.colour)

    @cached_property
    def profiles(self) -> Profiles:
        """The file of profiles."""
        return Profiles.of()

    @cached_property
    def profile(self) -> Profile:
        """Which Tocsin this is about. UsageError where nothing says so."""
        return chosen(self.profiles, named=self.common.profile, url=self.common.url)

    @cached_property
    def api(self) -> Api:
        """The API, asked with the profile's key. Refused where there is none."""
        if not self.profile.key:
            name = self.profile.name
            raise Refused(
                f"there is no key for profile {name!r}" if name else "TOCSIN_KEY is not set",
                hint=f"tocsin login {name}" if name else "an API key, or an access token of the stack's issuer",
            )
        return self.api_at(self.profile.url, self.profile.key)

    def api_at(self, url: str, key: str) -> Api:
        """The API at another URL or with another key."""
        from tocsin_cli.api import Api

        return Api(url, key, timeout=self.common.timeout, trace=self._trace)

    def confirmed(self, question: str, *, yes: bool) -> None:
        """Ask before something is done that can't be undone. Raises UsageError where there is nobody to ask."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise UsageError(f"{question} There is no terminal to ask at: say --yes")
        if not typer.confirm(question, err=True):
            raise CliError("nothing was changed")

    def each[Did](self, names: Sequence[str], do: Callable[[str], Did]) -> tuple[list[Did], ExitCode]:
        """Do something with each of several things, whatever becomes of the others; what was done, and the exit code.

        What fails is said as it fails. What is the only one raises what it raises.
        """
        if len(names) == 1:
            return [do(names[0])], ExitCode.OK
        done, code = [], ExitCode.OK
        for name in names:
            try:
                done.append(do(name))
            except CliError as error:
                code = ExitCode.FAILED
                self.out.warn(f"{name}: {error}")
        return done, code

    def _trace(self, method: str, path: str, status: int, seconds: float) -> None:
        if self.common.verbose:
            self.out.note(f"{method} {path} → {status or 'no answer'} in {seconds * 1000:.0f} ms", style="dim")


def _profile_names(incomplete: str) -> list[str]:
    try:
        return [name for name in Profiles.of().names() if name.startswith(incomplete)]
    except CliError:
        return []


_OPTIONS: dict[str, Any] = {
    "profile": (
        Annotated[
            str | None,
            typer.Option(
                "--profile",
                "-p",
                metavar="NAME",
                help="Which profile; else TOCSIN_URL and TOCSIN_KEY, TOCSIN_PROFILE, or the current one.",
                rich_help_panel=COMMON,
                autocompletion=_profile_names,
            ),
        ],
        None,
    ),
    "url": (
        Annotated[
            str | None,
            typer.Option(metavar="URL", help="Where the API is, with the key of TOCSIN_KEY.", rich_help_panel=COMMON),
        ],
        None,
    ),
    "output": (
        Annotated[
            Format,
            typer.Option(
                "--output", "-o", metavar="FORMAT", help="table, json, yaml or ndjson.", rich_help_panel=COMMON
            ),
        ],
        Format.TABLE,
    ),
    "colour": (
        Annotated[
            Colour,
            typer.Option("--color", metavar="WHEN", help="auto, always or never.", rich_help_panel=COMMON),
        ],
        Colour.AUTO,
    ),
    "timeout": (
        Annotated[
            float,
            typer.Option(min=1, metavar="SECONDS", help="How long an answer may take.", rich_help_panel=COMMON),
        ],
        60.0,
    ),
    "verbose": (
        Annotated[bool, typer.Option("--verbose", "-v", help="Show each request to the API.", rich_help_panel=COMMON)],
        False,
    ),
}


def command[**P](
    app: typer.Typer, name: str | None = None, *, panel: str | None = None
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a function a command of `app`: its first parameter is a Cli, the others are its own options.

    The options of every command are added, so that they may stand before or behind a command's own. A paragraph of
    the docstring that begins with `tocsin` is an example. `panel` is the heading that help lists the command under.
    """

    def register(function: Callable[P, None]) -> Callable[P, None]:
        own = inspect.signature(function, eval_str=True)
        _, *parameters = own.parameters.values()
        common = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for key, (annotation, default) in _OPTIONS.items()
        ]
        given = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]

        @wraps(function)
        def run(**arguments: Any) -> None:  # noqa: ANN401 - whatever the options are
            common = Common(**{key: arguments.pop(key) for key in _OPTIONS})
            try:
                function(Cli(common), **arguments)  # type: ignore[arg-type]
            except BrokenPipeError:  # before Typer makes a failure of it
                raise ReaderGone from None

        run.__signature__ = inspect.Signature([*given, *common])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*given, *common]}
        explained, example = _explained(function)
        app.command(name, help=explained, epilog=example, rich_help_panel=panel)(run)
        return function

    return register


def _explained(function: Callable[..., None]) -> tuple[str, str | None]:
    """A command's help and its example."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    examples = [each for each in paragraphs if each.startswith("tocsin ")]
    others = [each for each in paragraphs if not each.startswith("tocsin ")]
    return "\n\n".join(others), f"Example: {examples[0]}" if examples else None


def group(app: typer.Typer, name: str, explains: str, *, panel: str | None = None) -> typer.Typer:
    """A group of commands below `app`."""
    made = typer.Typer(no_args_is_help=True, help=explains)
    app.add_typer(made, name=name, rich_help_panel=panel)
    return made


def names_of(kind: str) -> Callable[[str], list[str]]:
    """What completes the name of an entry: the API's list, where it answers within two seconds."""

    def complete(incomplete: str) -> list[str]:
        from tocsin_cli.api import Api

        try:
            profile = chosen(Profiles.of(), named=None, url=None)
            api = Api(profile.url, profile.key, timeout=2.0, sleep=_give_up)
            field = "username" if kind == "users" else "name"
            entries = api.items(f"/{kind}", limit=1000)
            return [name for entry in entries if (name := str(entry.get(field))).startswith(incomplete)]
        except (CliError, _GaveUp):
            return []

    return complete


class _GaveUp(Exception):
    pass


def _give_up(_seconds: float) -> None:
    """Completion does not wait for a second try."""
    raise _GaveUp
