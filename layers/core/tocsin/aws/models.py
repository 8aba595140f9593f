"""What botocore knows of AWS's services, read from its data folder with as little work as there is.

botocore's own loader lists the folders of all 400 services before it reads one (which is half of the time that making a
client takes), looks for a customer's models in the home directory, and parses with the standard library's json.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import JSONFileLoader, Loader

SERVICES = ("apigatewaymanagementapi", "cloudwatch", "dynamodb", "logs", "s3", "secretsmanager", "sesv2", "sqs")
"""The services that our functions have clients of."""


class Models(Loader):
    """botocore's loader of its own data, for SERVICES."""

    def __init__(self) -> None:
        super().__init__(
            extra_search_paths=[self.BUILTIN_DATA_PATH],
            file_loader=_Files(),
            include_default_search_paths=False,
        )

    def list_available_services(self, type_name: str) -> list[str]:
        """Which services there are models of; asked before each is read."""
        return list(SERVICES)


class _Files(JSONFileLoader):
    """The JSON files of botocore's data: plain, or compressed as `<name>.json.gz`. Named without their endings."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return any(Path(path + ending).is_file() for ending in (".json", ".json.gz"))

    def load_file(self, path: str) -> Any:  # noqa: ANN401 - JSON, as botocore takes it
        """What is in it; None where there is no such file."""
        for ending, content_of in ((".json", bytes), (".json.gz", gzip.decompress)):
            file = Path(path + ending)
            if file.is_file():
                return orjson.loads(content_of(file.read_bytes()))
        return None
