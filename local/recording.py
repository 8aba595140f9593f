"""`make recording`: docs/pictures/cli.svg, a session of the command line with a local stack of its own.

Every command is run as a person's is, in a terminal (a pseudo-terminal), by the program itself.
"""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from local.samples import blueprint, samples
from local.screen import Screen
from local.stack import LocalStack, local_stack
from local.waiting import until
from local.workspace import ROOT, Workspace

PICTURE = ROOT / "docs/pictures/cli.svg"
_WIDTH, _HEIGHT = 124, 50
_STEP = re.compile(r"\x1b\[\?25[lh]|\x1b\[(\d*)A|\x1b\[2K|\r|\n")
_NEW_RULE = """\
policies:
  - {name: refund, kind: event_matcher, action: refund, app: shop}
rules:
  - name: large-refunds
    severity: warning
    transports: [inbox]
    destination_group: admins
    bindings: [{policy: refund}]
    tests:
      - {event: {action: refund, app: shop}, fires: true}
"""


def main() -> None:
    """Bring a stack up, run the session, write the picture."""
    screen = Screen()
    with (
        TemporaryDirectory(prefix="tocsin-recording-") as scratch,
        local_stack(Workspace(Path(scratch) / "stack"), screen) as stack,
    ):
        stack.api().put_blueprint(blueprint(stack.sinks.url))
        for sample in samples():
            stack.api().post_event(sample.event)
        desk = Path(scratch) / "desk"
        desk.mkdir()
        _fill(desk)
        session = _session(stack, desk)
        screen.say(_write(session))


def _fill(desk: Path) -> None:
    """The files that the session works with."""
    (desk / "refunds.yaml").write_text(_NEW_RULE, encoding="utf-8")
    now = datetime.now(UTC)
    with (desk / "signins.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "action", "username", "ip", "browser"])
        for number in range(500):
            at = now - timedelta(minutes=20 * number + 60)
            busy = at.hour in range(8, 18)
            failed = number % (5 if busy else 11) == 0
            person = ("alice", "ana", "ben", "farah")[number % 4]
            address = f"203.0.113.{number % 200}"
            rows.writerow([at.isoformat(), "login_failed" if failed else "login", person, address, "Firefox"])


def _session(stack: LocalStack, desk: Path) -> list[tuple[str, str]]:
    """(command line, what it wrote) of each step."""
    facts = stack.facts
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(desk),
        "PYTHONPATH": str(ROOT / "cli"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "COLUMNS": str(_WIDTH),
        "LINES": str(_HEIGHT),
        "TOCSIN_URL": facts.api_url,
        "TOCSIN_KEY": facts.admin_key,
        "TOCSIN_STACK": facts.stack_name,
        **stack.aws.environment(),
    }

    def run(line: str) -> tuple[str, str]:
        return line, _in_a_terminal(line, desk, environment)

    sent = run('tocsin send login_failed --user alice --client-ip 203.0.113.7 reason="bad password"')
    event_id = str(re.findall(r"[0-9a-f-]{36}", sent[1])[0])
    until(lambda: _told(stack, event_id), 60, of="the event's deliveries")
    return [
        sent,
        run(f"tocsin story {event_id}"),
        run("tocsin import signins.csv"),
        run("tocsin events --action login_failed --since 3h -n 4"),
        run("tocsin rules backtest failed-sign-ins --since 7d"),
        run("tocsin diff refunds.yaml"),
        run('tocsin silence --rule failed-sign-ins --for 2h -c "load test"'),
        run("tocsin doctor"),
    ]


def _told(stack: LocalStack, event_id: str) -> bool:
    deliveries = stack.api().story(event_id).deliveries
    return len(deliveries) == 8 and all(delivery.final for delivery in deliveries)


def _in_a_terminal(line: str, desk: Path, environment: dict[str, str]) -> str:
    """What a command writes to a terminal, as the terminal shows it in the end."""
    program, *arguments = shlex.split(line)
    assert program == "tocsin"  # noqa: S101 - the session's own lines
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _HEIGHT, _WIDTH, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin_cli", *arguments],
        cwd=desk,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b"".join(_read(ours))
        os.close(ours)
    if process.returncode not in {0, 2}:
        raise RuntimeError(f"{line}: exit code {process.returncode}\n{written.decode(errors='replace')}")
    return settled(written.decode())


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # the program has ended
            return
        if not chunk:
            return
        yield chunk


def settled(written: str) -> str:
    """What stays on the screen of `written`: spinners and progress bars write over themselves."""
    lines, row, position = [""], 0, 0
    for step in _STEP.finditer(written + "\n"):
        lines[row] += written[position : step.start()]
        position = step.end()
        match step[0]:
            case "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
            case "\x1b[2K":
                lines[row] = ""
            case up if up.endswith("A"):
                row = max(0, row - int(step[1] or 1))
            case _:
                pass
    return "\n".join(lines).rstrip("\n")


def _write(session: list[tuple[str, str]]) -> str:
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    for number, (line, written) in enumerate(session):
        if number:
            console.print()
        console.print(Text.assemble(("$ ", "bold green"), (line, "bold")))
        console.print(Text.from_ansi(written))
    PICTURE.write_text(console.export_svg(title="tocsin", theme=MONOKAI), encoding="utf-8")
    return json.dumps({"picture": str(PICTURE.relative_to(ROOT)), "commands": len(session)})


if __name__ == "__main__":
    main()
