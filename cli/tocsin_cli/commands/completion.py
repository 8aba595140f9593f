"""`tocsin completion`: the script that makes a shell complete commands, options and names."""

from __future__ import annotations

import os
from contextlib import redirect_stdout, suppress
from enum import StrEnum
from io import StringIO
from typing import Annotated

import typer

from tocsin_cli.cli import HERE, Cli, command


class Shell(StrEnum):
    """Shells that can be completed in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=HERE)
    def completion(
        cli: Cli,
        shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    ) -> None:
        """Write a shell's completion script.

        bash: eval "$(tocsin completion bash)" in ~/.bashrc; zsh: tocsin completion zsh > a file _tocsin in your fpath;
        fish: tocsin completion fish > ~/.config/fish/completions/tocsin.fish
        """
        from tocsin_cli.app import app_for

        # What a shell itself asks with: Typer writes the script and exits. zsh looks for #compdef in the first line.
        os.environ["_TOCSIN_COMPLETE"] = f"source_{shell.value}"
        script = StringIO()
        with redirect_stdout(script), suppress(SystemExit):
            app_for(())(prog_name="tocsin", args=[])
        cli.out.write(script.getvalue().strip() + "\n")
