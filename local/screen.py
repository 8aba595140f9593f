"""What `make run` shows: its steps, and each delivery as it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.watch import Seen


class Step:
    """A step that is under way."""

    def __init__(self, title: str) -> None:
        """`title` is shown while it is, and after it."""
        self.title = title
        self.result = ""


class Screen:
    """A terminal, or a plain stream of lines where there is none."""

    def __init__(self, console: Console | None = None) -> None:
        """Writes to standard output unless another console is given."""
        self._console = console or Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            # A file or a pipe has no width; 80 columns would break the table of what is missing.
            self._console.width = 160

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Shows that a step is under way, then that it is done, with its result and the seconds it took."""
        step, start = Step(title), time.monotonic()
        with self._console.status(f"{escape(title)} …"):
            yield step
        took = f"{time.monotonic() - start:.1f} s"
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]{escape(step.result)}[/dim] [dim]({took})[/dim]")

    def say(self, text: str = "") -> None:
        """Prints a line."""
        self._console.print(escape(text))

    def title(self, text: str) -> None:
        """Prints a heading."""
        self._console.print(f"\n[bold]{escape(text)}[/bold]")

    def delivery(self, seen: Seen) -> None:
        """Prints one delivery: event → rule → transport → recipient, and how long it took."""
        took = "" if seen.took_ms is None else f"{seen.took_ms:,.0f} ms"
        self._console.print(
            f"  {escape(seen.label):<44} → [cyan]{escape(seen.rule):<24}[/cyan]"
            f" → {escape(seen.transport):<16} → [yellow]{escape(seen.recipient):<24}[/yellow]"
            f" [bold]{took:>9}[/bold]" + ("" if seen.good else "  [red]unexpected[/red]")
        )

    def failure(self, text: str) -> None:
        """Prints what went wrong."""
        self._console.print(f"[red]✗[/red] {escape(text)}")

    def missing(self, rows: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Prints the deliveries that did not come: sample, rule, transport, recipients, the stack's own word."""
        table = Table("sample", "rule", "transport", "recipients", "the stack says", title="missing")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)
