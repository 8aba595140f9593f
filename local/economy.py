"""What lets a laptop carry the emulator: ministack 1.5.33 takes a machine's memory and processor as AWS would.

Neither changes what a function sees or does.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

# How many batches of one queue are worked on at once. Each takes a process of its own, some 80 MB of memory.
BATCHES_AT_ONCE = 3
_KEPT_UNUSED_S = 24 * 3600


class Environment(Protocol):
    """A function's process, as the emulator has it: `config` is the function's configuration."""

    config: dict[str, object]


class SharedLayers:
    """Unpacks each layer once, rather than for each process, and keeps it for the next run."""

    def __init__(self, directory: Path, zip_of: Callable[[object], bytes | None]) -> None:
        """Unpacks below `directory`; `zip_of` gives the content of a layer that a function refers to."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._zip_of = zip_of
        self._lock = threading.Lock()

    def forget_unused(self) -> None:
        """Removes the layers that no run has used for a day."""
        for path in self._directory.iterdir():
            if path.stat().st_mtime < time.time() - _KEPT_UNUSED_S:
                shutil.rmtree(path, ignore_errors=True)

    def spawning[E: Environment](self, spawn: Callable[[E], None]) -> Callable[[E], None]:
        """Makes a process start with the shared layers on its path, and unpack none itself."""

        def spawn_sharing(environment: E) -> None:
            own = environment.config
            layers, settings = own.get("Layers") or [], own.get("Environment") or {}
            if not isinstance(layers, list) or not isinstance(settings, dict):
                raise TypeError("the function's configuration has not the shape that this was written for")
            paths = [str(self._unpacked(layer)) for layer in layers]
            variables = {**settings.get("Variables", {}), "_LAMBDA_LAYERS_DIRS": os.pathsep.join(paths)}
            environment.config = {**own, "Layers": [], "Environment": {"Variables": variables}}
            try:
                spawn(environment)
            finally:
                environment.config = own

        return spawn_sharing

    def _unpacked(self, layer: object) -> Path:
        """The directory that holds a layer. Other runs may unpack the same at the same time."""
        content = self._zip_of(layer)
        if content is None:
            raise LookupError(f"layer {layer} is not there")
        path = self._directory / hashlib.sha256(content).hexdigest()
        with self._lock:
            if not path.exists():
                draft = Path(tempfile.mkdtemp(prefix="new-", dir=self._directory))
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    archive.extractall(draft)
                try:
                    draft.rename(path)
                except OSError:
                    if not path.exists():
                        raise
                    shutil.rmtree(draft)
            os.utime(path)
        return path


def at_most[**P](limit: int, concurrency: Callable[P, int | str]) -> Callable[P, int]:
    """Makes a queue's concurrency no higher than `limit`, whatever its mapping asks for.

    Where the template has a parameter for it, the emulator keeps what it asks for as text.
    """

    def limited(*arguments: P.args, **options: P.kwargs) -> int:
        return min(limit, int(concurrency(*arguments, **options)))

    return limited
