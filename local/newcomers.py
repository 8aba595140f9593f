"""Events that others post while we look: read from the events table's own stream, beside the matcher."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Newcomers:
    """The ids of events as they are stored, from now on."""

    def __init__(self, dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, table: str) -> None:
        """Begins at the end of the table's stream."""
        self._streams = streams
        stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shards = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        self._iterators = [
            streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST")[
                "ShardIterator"
            ]
            for shard in shards
        ]

    def look(self) -> list[str]:
        """The ids of the events that were stored since the last look."""
        ids: list[str] = []
        following: list[str] = []
        for iterator in self._iterators:
            page = self._streams.get_records(ShardIterator=iterator)
            ids += [
                key
                for record in page["Records"]
                if record["eventName"] == "INSERT" and _EVENT_ID.fullmatch(key := record["dynamodb"]["Keys"]["sk"]["S"])
            ]
            if "NextShardIterator" in page:
                following.append(page["NextShardIterator"])
        self._iterators = following
        return ids
