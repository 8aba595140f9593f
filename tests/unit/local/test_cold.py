"""`make bench-cold`: an init runs with what Lambda would let it find, and with nothing else."""

import sys
from pathlib import Path

import pytest

from local import cold
from local.cold_emulated import emulated_init

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the runtime interface emulator is a program for Linux")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cold")
    cold.layout(place)
    return place


def test_a_function_has_the_layers_that_the_template_gives_it() -> None:
    layers = cold.layers()

    assert layers["authorizer"] == ["tokens"]
    assert layers["websocket"] == ["expressions"]
    assert layers["email"] == layers["ingest"] == []
    assert layers.keys() == {*cold.functions()}


@pytest.mark.parametrize("name", cold.functions())
def test_each_init_finds_all_that_it_needs_in_its_layers(directory: Path, name: str) -> None:
    assert cold.init(directory, name).modules > 0


def test_an_init_that_lacks_a_library_says_what_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"the init of ingest fails: (?s:.*)ModuleNotFoundError"):
        cold.init(tmp_path, "ingest")


def test_the_bare_client_loads_boto3_from_the_runtime(directory: Path) -> None:
    assert "boto3" in cold.tree(directory, cold.BARE, count=5)


@on_linux
@pytest.mark.parametrize("name", [cold.BARE, "webhook"])
def test_the_runtime_interface_emulator_times_an_init(directory: Path, name: str) -> None:
    assert cold.emulated(directory, name) > 0


@on_linux
def test_an_emulated_init_that_lacks_a_library_says_what_failed(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import nowhere\n", "utf-8")

    with pytest.raises(RuntimeError, match=r"the init in .* fails: (?s:.*)No module named 'nowhere'"):
        emulated_init(tmp_path, cold.environment(directory, cold.BARE))


def test_what_the_emulator_says_is_shown_beside_the_bare_client() -> None:
    table = cold.emulated_table({cold.BARE: 0.2, "webhook": 0.25})

    assert table.splitlines()[2:] == ["| bare boto3 client | 200 | 1.00 |", "| webhook | 250 | 1.25 |"]
