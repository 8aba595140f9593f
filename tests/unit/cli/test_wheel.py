"""The wheel that `make cli` builds: everything that the program needs is in it, and nothing else."""

import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from flit_core.wheel import make_wheel_in

CLI = Path(__file__).parents[3] / "cli"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    built = make_wheel_in(CLI / "pyproject.toml", directory)
    with zipfile.ZipFile(built.file) as opened:
        yield opened


def member(wheel, name):
    (path,) = [each for each in wheel.namelist() if each.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_it_holds_every_module_and_no_other_file(wheel):
    sources = {str(path.relative_to(CLI)) for path in (CLI / "tocsin_cli").rglob("*.py")} | {"tocsin_cli/py.typed"}

    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == sources


def test_it_installs_the_program(wheel):
    assert "tocsin=tocsin_cli.main:run" in member(wheel, "entry_points.txt")


def test_keyring_and_boto3_are_extras(wheel):
    metadata = Parser().parsestr(member(wheel, "METADATA"))

    required = metadata.get_all("Requires-Dist")
    assert {each for each in required if "extra ==" not in each} == {
        "PyYAML>=6.0",
        "requests>=2.32",
        "rich>=13.7",
        "typer>=0.29",
    }
    assert set(metadata.get_all("Provides-Extra")) == {"keyring", "aws"}
    assert metadata["Requires-Python"] == ">=3.12"
