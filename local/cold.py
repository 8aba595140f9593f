"""`make bench-cold`: what each function's init costs, beside a bare boto3 client of DynamoDB, and what it loads.

Each init runs in a new interpreter that finds what Lambda would let it find, in Lambda's order: the function, its
layers (/opt/python), the runtime's boto3 (/var/runtime); nothing else of the virtual environment. Libraries come from
there, compiled, as the layers are built. The processor's time counts, not the clock's; functions and the bare client
take turns, and the quickest run of each counts, so that a busy machine falls on both. The runtime's own start is in
none; with `--emulated` it is in all, as AWS's runtime interface emulator runs and times them.

    python -m local.cold [--rounds 8] [--emulated] [--tree ingest] [function …]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from local.cold_emulated import EMULATED_RUNTIME, emulated_init
from local.workspace import ROOT, STATE

BARE = "bare boto3 client"
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
"""What Lambda's Python runtime brings along for functions to use."""
_QUEUE = "https://sqs.eu-central-1.amazonaws.com/1/queue"
ENVIRONMENT = (
    {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_SESSION_TOKEN": "none",
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "cold",
        "POWERTOOLS_METRICS_NAMESPACE": "tocsin",
        "AWS_LAMBDA_FUNCTION_NAME": "cold",
        "LAMBDA_TASK_ROOT": "/var/task",
        "ALLOW_HTTP": "false",
        "ALLOWED_PORTS": "443",
        "MAIL_PER_SECOND": "14",
        "MAIL_SENDER": "tocsin@example.com",
        "API_URL": "https://api.example.com",
        "LIVE_ENDPOINT": "https://live.example.com/live",
        "EXPORTS_BUCKET": "exports",
        "EVENT_INDEXES": "none",
        "WATCHED_QUEUES": f"webhook={_QUEUE}",
        "DEAD_LETTERS": f"webhook={_QUEUE}",
    }
    | dict.fromkeys(
        (
            *(f"{name}_TABLE" for name in ("EVENTS", "CONFIG", "DELIVERIES")),
            "ADMIN_KEY_SECRET",
            "LINK_SECRET",
            "OIDC_CLIENT_ID",
            "STACK_NAME",
            "LOG_GROUPS",
        ),
        "name",
    )
    | {
        f"{name}_URL": _QUEUE
        for name in (
            *(f"{mode}_QUEUE" for mode in ("WEBHOOK", "SLACK", "EMAIL", "INBOX", "MATCH")),
            "QUEUE",
            "MATCH_DEAD_LETTERS",
        )
    }
)

_MEASURED = """
import sys, time
before = set(sys.modules)
began = time.process_time()
{statement}
print(time.process_time() - began, len(set(sys.modules) - before))
"""


@dataclass(frozen=True, slots=True)
class Init:
    """One init: the processor's seconds, and how many modules it loaded."""

    seconds: float
    modules: int


def layout(directory: Path) -> None:
    """Puts links to libraries where Lambda has them: below `directory`, one folder a layer, and the runtime's."""
    wanted = {
        layer: _names(ROOT / "layers" / layer / "requirements.txt") for layer in ("core", "expressions", "tokens")
    }
    for folder, names in (wanted | {"runtime": [*RUNTIME, *EMULATED_RUNTIME]}).items():
        place = directory / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            for file in importlib.metadata.files(name) or ():
                top = file.parts[0]
                if top not in {"..", "__pycache__"} and not (place / top).is_symlink():
                    (place / top).symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)


def _names(requirements: Path) -> list[str]:
    return re.findall(r"^([A-Za-z0-9_.-]+)==", requirements.read_text("utf-8"), re.MULTILINE)


def functions() -> list[str]:
    """All functions."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@cache
def layers() -> dict[str, list[str]]:
    """The layers of ours that each function has beside the core layer, as template.yaml says."""
    resources = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))["Resources"]
    found = {}
    for name in functions():
        listed = resources[f"{name.capitalize()}Function"]["Properties"].get("Layers", [])
        refs = [layer["Ref"] for layer in listed if "Ref" in layer]
        found[name] = [ref.removesuffix("Layer").lower() for ref in refs if ref.endswith("Layer")]
    return found


def statement_for(name: str) -> str:
    """What an init runs."""
    if name == BARE:
        return "import boto3; boto3.client('dynamodb')"
    return "import app"


def command(directory: Path, name: str, script: str, *options: str) -> tuple[list[str], dict[str, str]]:
    """The interpreter's arguments and environment that have it find what Lambda would have it find."""
    return [sys.executable, "-S", *options, "-c", script], environment(directory, name)


def environment(directory: Path, name: str) -> dict[str, str]:
    """The variables of a function, with the folders in which Lambda would have its libraries."""
    paths: list[Path] = []
    if name != BARE:
        own = [directory / layer for layer in layers()[name]]
        paths = [ROOT / "functions" / name, ROOT / "layers" / "core", directory / "core", *own]
    found = ":".join(str(path) for path in (*paths, directory / "runtime"))
    return ENVIRONMENT | {"PYTHONPATH": found}


def init(directory: Path, name: str) -> Init:
    """One init in a new interpreter. RuntimeError with what it printed where it fails."""
    arguments, environment = command(directory, name, _MEASURED.format(statement=statement_for(name)))
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the init of {name} fails: {done.stderr}")
    seconds, modules = done.stdout.splitlines()[-1].split()
    return Init(float(seconds), int(modules))


def emulated(directory: Path, name: str) -> float:
    """The seconds of one init by AWS's runtime interface emulator. RuntimeError where it fails."""
    folder = ROOT / "functions" / name
    if name == BARE:
        folder = directory / "bare"
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(f"{statement_for(name)}\n\ndef handler(event, context): ...\n", "utf-8")
    return emulated_init(folder, environment(directory, name))


def measured(directory: Path, names: list[str], rounds: int) -> dict[str, Init]:
    """The quickest init of each, taking turns; one round before that compiles what is not compiled yet."""
    best: dict[str, Init] = {}
    for turn in range(rounds + 1):
        for name in names:
            run = init(directory, name)
            if turn and (name not in best or run.seconds < best[name].seconds):
                best[name] = run
    return best


def measured_emulated(directory: Path, names: list[str], rounds: int) -> dict[str, float]:
    """The quickest init of each by the emulator, taking turns."""
    turns = [[emulated(directory, name) for name in names] for _ in range(rounds + 1)]
    return {name: min(column) for name, column in zip(names, zip(*turns[1:], strict=True), strict=True)}


def emulated_table(best: dict[str, float]) -> str:
    """The rows, as Markdown, each beside the bare client."""
    rows = [f"| {name} | {seconds * 1000:.0f} | {seconds / best[BARE]:.2f} |" for name, seconds in best.items()]
    return "\n".join(["| init, emulated | ms | over bare client |", "|---|---|---|", *rows])


def table(best: dict[str, Init]) -> str:
    """The rows, as Markdown, each beside the bare client."""
    bare = best[BARE]
    rows = [f"| {n} | {i.seconds * 1000:.0f} | {i.seconds / bare.seconds:.2f} | {i.modules} |" for n, i in best.items()]
    return "\n".join(["| init | CPU ms | over bare client | modules |", "|---|---|---|---|", *rows])


def tree(directory: Path, name: str, count: int = 40) -> str:
    """The modules of an init that cost most with all that they load, from `-X importtime`, in milliseconds."""
    arguments, environment = command(directory, name, statement_for(name), "-X", "importtime")
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    found = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)$", done.stderr, re.MULTILINE)
    costly = sorted(found, key=lambda row: -int(row[1]))[:count]
    return "\n".join(f"{int(total) / 1000:8.1f} {int(own) / 1000:8.1f}  {module}" for own, total, _, module in costly)


def main() -> None:
    """Prints the table, or the import tree of one function."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("functions", nargs="*", help="all, where none is named")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--emulated", action="store_true", help="by AWS's runtime interface emulator")
    parser.add_argument("--tree", metavar="FUNCTION", help="what its init loads, by cost with all that it loads")
    asked = parser.parse_args()
    directory = STATE / "cold"
    layout(directory)
    if asked.tree:
        print("   total      own  module (ms)")
        print(tree(directory, asked.tree))
        return
    names = [BARE, *(asked.functions or functions())]
    if asked.emulated:
        print(emulated_table(measured_emulated(directory, names, asked.rounds)))
        return
    print(table(measured(directory, names, asked.rounds)))


if __name__ == "__main__":
    main()
