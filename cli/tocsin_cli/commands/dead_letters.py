"""`tocsin dead-letters`: what Tocsin's own code could not deal with."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from tocsin_cli import dead_letters as letters
from tocsin_cli.aws import Aws
from tocsin_cli.cli import DELIVERIES, Cli, command
from tocsin_cli.errors import ExitCode, UsageError
from tocsin_cli.output import Column
from tocsin_cli.text import counted
from tocsin_cli.times import ago
from tocsin_cli.types import text, whole

_QUEUES = (
    Column("QUEUE", lambda queue: text(queue, "queue"), whole=True),
    Column(
        "MESSAGES",
        lambda queue: Text(str(queue["messages"]), style="red" if whole(queue.get("messages")) else "green"),
    ),
)
_MESSAGES = (
    Column("SENT", lambda message: ago(text(message, "sent"))),
    Column("RECEIVED", lambda message: f"{message['receives']}×"),
    Column("EVENT", lambda message: text(message, "event_id"), whole=True),
    Column("WHY", lambda message: text(message, "reason") or text(message, "body"), cut=True),
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "dead-letters", panel=DELIVERIES)
    def dead_letters(
        cli: Cli,
        queue: Annotated[
            str | None, typer.Argument(metavar="QUEUE", help="Look into this one, as Match or WebhookDeadLetters.")
        ] = None,
        redrive: Annotated[
            bool, typer.Option("--redrive", help="Move its messages back to where they failed: mend the cause first.")
        ] = False,
        limit: Annotated[
            int, typer.Option("--limit", "-n", min=1, max=100, metavar="N", help="How many to show.")
        ] = 10,
        stack: Annotated[
            str | None, typer.Option(metavar="NAME", help="The stack; the profile's, or TOCSIN_STACK, by default.")
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ) -> None:
        """Show the queues of what failed, and what is in them. Asks AWS: the API does not know (needs boto3).

        Exits with 1 where the list of queues has a message.
        """
        aws = Aws.of(cli.profile, stack)
        if queue is None:
            if redrive:
                raise UsageError("--redrive of which queue?")
            found = letters.queues(aws)
            cli.out.items([each.to_json() for each in found], _QUEUES, none="the stack has no dead-letter queues")
            if any(each.messages for each in found):
                raise typer.Exit(ExitCode.FAILED)
            return
        chosen = letters.find(aws, queue)
        if not redrive:
            messages = list(letters.look(aws, chosen, limit))
            cli.out.items(messages, _MESSAGES, none=f"{chosen.name} is empty")
            return
        cli.confirmed(f"Move {counted(chosen.messages, 'message')} of {chosen.name} back?", yes=yes)
        handle = letters.redrive(aws, chosen)
        cli.out.done(f"SQS moves {counted(chosen.messages, 'message')} of {chosen.name} back")
        cli.out.data({"queue": chosen.name, "messages": chosen.messages, "task": handle})
