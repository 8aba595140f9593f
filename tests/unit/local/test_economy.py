"""What lets a laptop carry the emulator."""

import io
import os
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.economy import SharedLayers, at_most


@dataclass
class Process:
    config: dict = field(
        default_factory=lambda: {
            "Layers": [{"Arn": "arn:layer:1"}],
            "Environment": {"Variables": {"TABLE": "events"}},
        }
    )


def packed(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"python/{name}.py", text)
    return content.getvalue()


def started_with(layers):
    """The configuration that a process sees as it starts."""
    seen = []
    layers.spawning(lambda process: seen.append(process.config))(Process())
    return seen[0]


def test_a_process_finds_the_layers_content_and_unpacks_nothing_itself(tmp_path):
    layers = SharedLayers(tmp_path, lambda _layer: packed(tocsin="x = 1"))

    config = started_with(layers)

    path = Path(config["Environment"]["Variables"]["_LAMBDA_LAYERS_DIRS"])
    assert (path / "python/tocsin.py").read_text() == "x = 1"
    assert config["Layers"] == []
    assert config["Environment"]["Variables"]["TABLE"] == "events"


def test_the_functions_own_configuration_stays_as_it_was(tmp_path):
    process = Process()

    SharedLayers(tmp_path, lambda _layer: packed(a="")).spawning(lambda _process: None)(process)

    assert process == Process()


def test_the_same_content_is_unpacked_once_and_another_apart(tmp_path):
    contents = [packed(a="1"), packed(a="1"), packed(a="2")]
    layers = SharedLayers(tmp_path, lambda _layer: contents.pop())

    paths = [started_with(layers)["Environment"]["Variables"]["_LAMBDA_LAYERS_DIRS"] for _ in range(3)]

    assert paths[1] == paths[2] != paths[0]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_layer_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(LookupError, match="arn:layer:1"):
        started_with(SharedLayers(tmp_path, lambda _layer: None))


def test_layers_that_were_not_used_for_a_day_are_removed(tmp_path):
    layers = SharedLayers(tmp_path, lambda _layer: packed(a="1"))
    started_with(layers)
    old = tmp_path / "old"
    old.mkdir()
    os.utime(old, (0, time.time() - 25 * 3600))

    layers.forget_unused()

    assert not old.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_queues_concurrency_is_bounded():
    assert at_most(3, lambda mapping: mapping)(50) == 3
    assert at_most(3, lambda mapping: mapping)(2) == 2
    assert at_most(3, lambda mapping: mapping)("50") == 3
