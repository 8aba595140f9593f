"""`tocsin listen`: for those who write the receiver of webhooks."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from tocsin_cli.cli import DELIVERIES, Cli, command, names_of
from tocsin_cli.errors import UsageError
from tocsin_cli.listening.message import Desk, Forwarded, Message, shown, to_json
from tocsin_cli.listening.replay import Replay
from tocsin_cli.listening.server import endpoint
from tocsin_cli.listening.signature import Verdict, key_of, new_secret
from tocsin_cli.output import Format
from tocsin_cli.times import parse_moment


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=DELIVERIES)
    def listen(
        cli: Cli,
        forward: Annotated[
            str | None, typer.Option("--forward", "-f", metavar="URL", help="Send each on to your receiver.")
        ] = None,
        transport: Annotated[
            str | None,
            typer.Option(
                "--transport",
                "-t",
                metavar="NAME",
                help="Also show what this transport sends, as the API tells of it: no public address is needed.",
                autocompletion=names_of("transports"),
            ),
        ] = None,
        port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="0 for a free one.")] = 8787,
        secret: Annotated[
            list[str] | None,
            typer.Option(
                metavar="SECRET", envvar="TOCSIN_WEBHOOK_SECRET", help="A signing secret (whsec_…) to verify by."
            ),
        ] = None,
        since: Annotated[
            str | None, typer.Option(metavar="MOMENT", help="With --transport: begin earlier, at most 5m ago.")
        ] = None,
        count: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many.")] = None,
        interval: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often the API is asked.")] = 2.0,
    ) -> None:
        """Take webhooks on this machine: shows each, verifies its signature, forwards it.

        The endpoint is on 127.0.0.1; a stack that can reach it (a local one, or through a tunnel) posts to it. With
        --transport, what a stack anywhere sends by that transport is made again here, signed with a secret that is
        shown at the start.
        """
        if cli.out.form in {Format.JSON, Format.YAML}:
            raise UsageError("listen writes a message at a time: use --output table or ndjson")
        secrets = [*(secret or [])]
        for each in secrets:
            key_of(each)
        if since is not None and transport is None:
            raise UsageError("--since goes with --transport")
        own = secrets[0] if secrets else new_secret()
        if transport is not None and not secrets:
            secrets.append(own)
        tally = _Tally(cli, count)
        desk = Desk(tally.show, secrets=secrets, forward=forward)
        replay = None
        if transport is not None:
            start = None if since is None else parse_moment(since, "--since")
            replay = Replay(
                cli.api, transport, own, since=start, pause=interval, sleep=tally.sleep, trouble=cli.out.warn
            )
            for each in replay.check():
                cli.out.warn(each)
        with endpoint(desk, port) as url:
            cli.out.done(f"listening at {url}" + (f", forwarding to {forward}" if forward else ""))
            if replay is None:
                tally.wait()
                return
            signed = "the secret that you gave" if secret else own
            cli.out.note(f"  what {transport} sends is made again here, signed with {signed}", style="dim")
            for message in replay.messages():
                desk.take(message)
                if tally.enough:
                    return


class _Tally:
    """Shows messages, from any thread, until there were enough."""

    def __init__(self, cli: Cli, count: int | None) -> None:
        self._cli = cli
        self._left = count
        self._lock = threading.Lock()
        self._done = threading.Event()

    @property
    def enough(self) -> bool:
        """Whether as many were shown as were asked for."""
        return self._done.is_set()

    def show(self, message: Message, verdict: Verdict, answered: Forwarded | None) -> None:
        """Write a message."""
        with self._lock:
            if self._done.is_set():
                return
            if self._cli.out.form is Format.NDJSON:
                self._cli.out.line(to_json(message, verdict, answered))
            else:
                self._cli.out.console.print(shown(message, verdict, answered))
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    self._done.set()

    def sleep(self, seconds: float) -> None:
        """Wait, but not once there were enough."""
        self._done.wait(seconds)

    def wait(self) -> None:
        """Wait until there were enough; for ever where no number is given."""
        self._done.wait()
