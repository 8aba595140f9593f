"""The package: what it imports and when, on which Pythons, and its wheel."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tocsin_client
from local.workspace import ROOT
from tests.unit.client.api_server import KEY, LIBRARY
from tests.unit.client.pythons import VERSIONS, pythons, run

MODULES = sorted(LIBRARY.rglob("*.py"))
INTEGRATIONS = {"django": "django", "flask": "flask", "fastapi": "fastapi", "celery": "celery"}
"""What may import which library, beside the standard one."""
WITH_THEM = {"flask": {"werkzeug"}, "fastapi": {"starlette"}, "django": {"asgiref"}}


def name(path: Path) -> str:
    return str(path.relative_to(LIBRARY.parent))


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, but for types alone."""
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 10))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node not in for_types and isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif node not in for_types and isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_is_python_3_10_and_imports_the_standard_library_or_what_it_is_for(module):
    part = module.relative_to(LIBRARY).parts[0].removesuffix(".py")
    library = INTEGRATIONS.get(part)
    allowed = {"tocsin_client", *({library} if library else ()), *WITH_THEM.get(part, ())}
    old = {"sre_compile", "sre_parse"} if module.name == "regex.py" else set()  # of Python 3.10

    assert imported(module) <= sys.stdlib_module_names | allowed | old


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_no_file_is_longer_than_four_hundred_lines(module):
    assert len(module.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("version", VERSIONS)
def test_every_module_of_the_standard_library_alone_is_imported_by(version):
    if version not in pythons():
        pytest.skip(f"there is no Python {version} here")
    names = [
        name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in MODULES
        if path.relative_to(LIBRARY).parts[0].removesuffix(".py") not in INTEGRATIONS
    ]

    run(pythons()[version], f"import importlib\nfor name in {names}: importlib.import_module(name)")

    assert "tocsin_client.aws_lambda" in names


@pytest.mark.parametrize("version", VERSIONS)
def test_an_event_is_stored_by(version, api, tmp_path):
    if version not in pythons():
        pytest.skip(f"there is no Python {version} here")
    script = (
        "from tocsin_client import Event, configure, flush\n"
        f"configure({api.url!r}, {KEY!r}, spool={str(tmp_path / 'spool')!r}, app='billing')\n"
        "try: raise KeyError('x')\n"
        "except KeyError as error: Event.new('failed', url='https://x/?token=t').with_exception(error).save()\n"
        "Event.new('many', n=list(range(1_000))).save()\n"
        "Event.new('waited').save(wait=True)\n"
        "import asyncio\n"
        "asyncio.run(Event.new('awaited').asave())\n"
        "assert flush(30)\n"
    )

    run(pythons()[version], script)

    events = {event.action: event for event in api.stored.values()}
    assert events.keys() == {"custom_failed", "custom_many", "custom_waited", "custom_awaited"}
    assert events["custom_failed"].context["url"] == "https://x/?token=" + "*" * 20
    assert events["custom_failed"].context["exception"]["frames"][0]["function"] == "<module>"


def loaded(script: str) -> set[str]:
    """The modules that a bare interpreter has loaded after `script`, beyond those that any program has."""
    said = run(sys.executable, f"import os\nbefore = set(sys.modules)\n{script}\nprint(*set(sys.modules) - before)")
    return set(said.split())


HEAVY = {"asyncio", "dataclasses", "decimal", "email", "http", "inspect", "ipaddress", "logging", "sqlite3", "ssl"}
HEAVY |= {"functools", "json", "random", "re", "threading", "typing", "urllib", "uuid", "zlib"}


def test_importing_the_package_loads_nothing_else():
    """It took 82 to 100 ms, twice as long as HTTP, TLS and JSON together."""
    assert loaded("import tocsin_client") <= {"__future__", "tocsin_client"}


def test_beginning_an_event_loads_nothing_that_takes_long():
    modules = loaded("from tocsin_client import Event\nEvent.new('login', a=1)")

    assert not modules & HEAVY
    assert len(modules) <= 18


def test_a_client_loads_http_and_tls_with_its_first_request():
    modules = loaded(f"from tocsin_client import configure\nconfigure('https://example.com', {KEY!r})")

    assert not modules & {"http.client", "ssl", "sqlite3", "asyncio", "email", "random", "hashlib"}


def test_no_integration_is_loaded_with_the_package():
    modules = loaded(
        f"from tocsin_client import Event, configure\nconfigure('https://example.com', {KEY!r})\n"
        "Event.new('x').from_http({'REQUEST_METHOD': 'GET'}).fields()\n"
    )

    assert not modules & {f"tocsin_client.{part}" for part in (*INTEGRATIONS, "aws_lambda", "logging", "wsgi", "asgi")}


def test_all_that_is_exported_is_there():
    assert {name: getattr(tocsin_client, name) is not None for name in tocsin_client.__all__} == dict.fromkeys(
        tocsin_client.__all__, True
    )
    assert set(tocsin_client.__all__) <= set(dir(tocsin_client))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = tocsin_client.nonsense


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `make client` builds it."""
    target = tmp_path_factory.mktemp("wheel")
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", *command, "--wheel-dir", str(target), str(LIBRARY.parent)], check=True, cwd=ROOT
    )
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    assert wheel.name == f"tocsin_client-{tocsin_client.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        files = {each for each in archive.namelist() if ".dist-info/" not in each}
        (metadata,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        told = archive.read(metadata).decode()

    assert files == {name(path) for path in LIBRARY.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert "Requires-Python: >=3.10" in told
    assert "Requires-Dist" not in told


def test_the_wheel_works_where_it_is_installed(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
            "from tocsin_client import Event\nprint(Event.new('x', app='a').id)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(done.stdout.strip()) == 36


def test_the_layer_holds_the_package_and_nothing_else(tmp_path):
    subprocess.run(
        ["make", "--silent", "build-ClientLayer", f"ARTIFACTS_DIR={tmp_path}"], cwd=LIBRARY.parent, check=True
    )

    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    package = {name(path) for path in LIBRARY.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files == {f"python/{each}" for each in package}
