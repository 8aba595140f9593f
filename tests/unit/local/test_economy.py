"""What lets a laptop carry the emulator."""

import io
import os
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.economy import SharedLayers, at_most, looking_at_a_page


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


# ── pages of large partitions ────────────────────────────────────────────────

MEMBERS = [f"member-{number:02d}" for number in range(20)]


@dataclass
class Members:
    """A table with a group of members, and a Query that looks through all that it finds, as the emulator's does."""

    table: dict = field(
        default_factory=lambda: {
            "pk_name": "pk",
            "sk_name": "sk",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            # not in the order of their names
            "items": {"group": {name: {"pk": "group", "sk": name} for name in MEMBERS[::-2] + MEMBERS[::2]}},
        }
    )
    looked_at: list[int] = field(default_factory=list)

    def query(self, request):
        partition = self.table["items"].get("group", {})
        self.looked_at.append(len(partition))
        forward = request.get("ScanIndexForward", True)
        names = sorted(partition, reverse=not forward)
        start = request.get("ExclusiveStartKey", {}).get("sk", {}).get("S")
        if start is not None:
            names = [name for name in names if (name > start if forward else name < start)]
        page = names[: request.get("Limit", len(names))]
        return page, len(names) > len(page)

    def economic(self, request):
        return looking_at_a_page(self.query, lambda name: self.table if name == "config" else None)(request)


def asking(**fields):
    return {
        "TableName": "config",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "group"}},
        **fields,
    }


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("start", [None, "member-00", "member-07", "member-19", "member-1", "z"])
@pytest.mark.parametrize("limit", [1, 5, 19, 20, 21])
def test_a_page_is_that_of_the_whole_partition_and_looks_at_no_more(forward, start, limit):
    members = Members()
    request = asking(Limit=limit, ScanIndexForward=forward)
    if start is not None:
        request["ExclusiveStartKey"] = {"pk": {"S": "group"}, "sk": {"S": start}}

    assert members.economic(request) == members.query(request)
    assert members.looked_at[0] <= limit + 1
    assert len(members.table["items"]["group"]) == len(MEMBERS)


def test_a_name_may_stand_for_the_partitions(subtests):
    for name, holds in (("pk", True), ("sk", False)):
        with subtests.test(name):
            members = Members()
            request = asking(Limit=2, KeyConditionExpression="#k = :pk", ExpressionAttributeNames={"#k": name})
            members.economic(request)
            assert (members.looked_at == [3]) is holds


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"Limit": 2, "IndexName": "by-due"},
        {"Limit": 2, "KeyConditionExpression": "pk = :pk AND sk > :sk"},
        {"Limit": 2, "KeyConditionExpression": "begins_with(pk, :pk)"},
        {"Limit": 2, "ExpressionAttributeValues": {}},
        {"Limit": 2, "TableName": "other"},
    ],
)
def test_what_asks_for_more_than_a_partition_is_left_to_the_emulator(asked):
    members = Members()

    assert members.economic(asking(**asked)) == members.query(asking(**asked))
    assert members.looked_at == [len(MEMBERS)] * 2


def test_a_partition_that_is_not_there_is_made_by_no_query():
    members = Members()
    members.table["items"].clear()

    assert members.economic(asking(Limit=2)) == ([], False)
    assert members.table["items"] == {}


def test_a_query_that_fails_leaves_the_partition_as_it_was():
    members = Members()

    def fail(_request):
        raise ValueError("no such expression")

    with pytest.raises(ValueError, match="no such expression"):
        looking_at_a_page(fail, lambda _name: members.table)(asking(Limit=2))
    assert len(members.table["items"]["group"]) == len(MEMBERS)
