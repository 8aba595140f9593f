"""What lets a laptop carry the emulator: ministack 1.5.33 takes a machine's memory and processor as AWS would.

Neither changes what a function sees or does.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import os
import re
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

# How many batches of one queue are worked on at once. Each takes a process of its own, some 80 MB of memory.
BATCHES_AT_ONCE = 3
_KEPT_UNUSED_S = 24 * 3600
_PARTITION_ALONE = re.compile(r"\s*(#?\w+)\s*=\s*(:\w+)\s*")

type Read = Callable[[Mapping[str, Any]], object]
"""An operation of the emulator's that reads: the request's JSON to an answer."""
type Queue = dict[str, Any]
type Collect = Callable[[Queue, int, int], list[dict[str, Any]]]
type Act = Callable[[dict[str, Any], str], dict[str, Any]]
"""An action of the emulator's SQS: the request's JSON and the queue's URL."""
type Guard = AbstractContextManager[object]


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


def looking_at_a_page(query: Read, table_named: Callable[[str], dict[str, Any] | None]) -> Read:
    """Makes a Query with a Limit look at what its page may hold, where it asks for a partition and nothing else.

    The emulator sorts all of a partition and weighs each item: of a group of 100,000 members seconds for each page.
    What a page may hold are as many items as its limit says from its start on; one more says whether it is the last.
    """

    def narrowed(request: Mapping[str, Any]) -> object:
        table = table_named(str(request.get("TableName")))
        partition = None if table is None else _partition_alone(table, request)
        if table is None or partition is None or partition not in table["items"]:
            return query(request)
        items, whole = table["items"], table["items"][partition]
        items[partition] = {key: whole[key] for key in _of_the_page(whole, table, request)}
        try:
            return query(request)
        finally:
            items[partition] = whole

    return narrowed


def _partition_alone(table: Mapping[str, Any], request: Mapping[str, Any]) -> str | None:
    """The partition of which a request asks for a page, of a table whose keys are texts; None where it asks more."""
    asked = _PARTITION_ALONE.fullmatch(str(request.get("KeyConditionExpression", "")))
    kinds = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", ())}
    of_texts = all(kinds.get(table.get(name)) == "S" for name in ("pk_name", "sk_name"))
    if asked is None or not of_texts or request.get("IndexName") or not isinstance(request.get("Limit"), int):
        return None
    name = (request.get("ExpressionAttributeNames") or {}).get(asked[1], asked[1])
    value = (request.get("ExpressionAttributeValues") or {}).get(asked[2])
    return value.get("S") if name == table["pk_name"] and isinstance(value, dict) else None


def _of_the_page(whole: Mapping[str, Any], table: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """The sort keys of the page that a request asks for, and of the item after it."""
    start = (request.get("ExclusiveStartKey") or {}).get(table["sk_name"], {}).get("S")
    wanted = request["Limit"] + 1
    if request.get("ScanIndexForward", True):
        return heapq.nsmallest(wanted, (key for key in whole if start is None or key > start))
    return heapq.nlargest(wanted, (key for key in whole if start is None or key < start))


class QueueFronts:
    """Has messages taken from the front of a standard queue, rather than from all of it.

    The emulator looks through all that waits four times for each ten messages that it gives out, and once for each that
    is deleted: of a queue of 100,000 a second for ten.
    """

    def __init__(self, sweep: Callable[[Queue], None], expire: Callable[[Queue], None], guard: Guard) -> None:
        """`sweep` makes dead letters of a queue's messages, `expire` drops old ones; `guard` is held by who changes it.

        Both are the emulator's, which does both before each receive.
        """
        self._sweep, self._expire, self._guard = sweep, expire, guard
        self._looked: dict[str, float] = {}

    def sweep(self, queue: Queue) -> None:
        """Makes dead letters of messages as they come to be given out (`collecting`), but for a FIFO queue's."""
        if queue["is_fifo"]:
            self._sweep(queue)

    def expire(self, queue: Queue) -> None:
        """Drops old messages, whose time is counted in minutes at the least, once a second."""
        name, now = queue["attributes"].get("QueueArn", ""), time.monotonic()
        if now - self._looked.get(name, -1.0) >= 1:
            self._looked[name] = now
            self._expire(queue)

    def collecting(self, collect: Collect) -> Collect:
        """Makes the emulator choose among the first messages that can be given out."""

        def collect_first(queue: Queue, most: int, visible_again_s: int) -> list[dict[str, Any]]:
            if queue["is_fifo"]:
                return collect(queue, most, visible_again_s)
            front = _visible(queue, most)
            if any(message.get("receive_count") for message in front):  # one of them may be dead
                self._sweep(queue)
                front = _visible(queue, most)
            return collect({**queue, "messages": front}, most, visible_again_s)

        return collect_first

    def deleting(self, delete: Act, queue_at: Callable[[str], Queue]) -> Act:
        """Makes DeleteMessageBatch look no further than the last of its messages."""

        def delete_at_the_front(request: dict[str, Any], url: str) -> dict[str, Any]:
            queue = queue_at(str(request.get("QueueUrl", url)))
            with self._guard:
                left = {entry.get("ReceiptHandle") for entry in request.get("Entries") or ()}
                everything, end = queue["messages"], 0
                for end, message in enumerate(everything, 1):  # noqa: B007 - how far it came is what is asked
                    left.discard(message["receipt_handle"])
                    if not left:
                        break
                queue["messages"] = everything[:end]
                try:
                    return delete(request, url)
                finally:
                    queue["messages"] += everything[end:]

        return delete_at_the_front


def _visible(queue: Queue, most: int) -> list[dict[str, Any]]:
    """The first messages that can be given out."""
    now = time.time()
    return list(islice((each for each in queue["messages"] if each.get("visible_at", 0) <= now), most))
