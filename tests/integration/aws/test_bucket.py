"""A bucket's objects, whole and in parts."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.integration.conftest import REGION, Stack
from tests.integration.handler_calls import failing, throttled
from tocsin.aws import clients
from tocsin.aws.bucket import Bucket
from tocsin.errors import Unavailable


@pytest.fixture
def bucket(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    boto3.client("s3").create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": REGION})
    return Bucket(clients.s3, "files")


def test_an_object_is_what_was_written_last(bucket: Bucket) -> None:
    bucket.put("a", b"one", "text/plain")
    bucket.put("a", b"two!", "text/plain")

    assert (bucket.get("a"), bucket.size("a"), bucket.size("b")) == (b"two!", 4, None)


def test_parts_are_joined_in_their_order_however_many_they_are(bucket: Bucket) -> None:
    upload = bucket.begin("a", "text/plain")
    for number in range(1_050, 0, -1):
        bucket.put_part("a", upload, number, f"{number:04d}".encode())

    assert bucket.complete("a", upload, 1_050)

    assert bucket.get("a") == b"".join(f"{number:04d}".encode() for number in range(1, 1_051))


def test_an_upload_that_is_done_or_given_up_is_no_error(bucket: Bucket) -> None:
    done, left = bucket.begin("a", "text/plain"), bucket.begin("b", "text/plain")
    bucket.put_part("a", done, 1, b"x")
    bucket.complete("a", done, 1)
    bucket.abort("b", left)

    assert not bucket.complete("a", done, 1)
    bucket.abort("b", left)


@pytest.mark.parametrize(
    "call",
    [
        lambda bucket: bucket.put("a", b"", "text/plain"),
        lambda bucket: bucket.get("a"),
        lambda bucket: bucket.begin("a", "text/plain"),
        lambda bucket: bucket.put_part("a", "u", 1, b""),
        lambda bucket: bucket.complete("a", "u", 1),
        lambda bucket: bucket.abort("a", "u"),
    ],
)
def test_a_bucket_that_is_not_there_is_unavailable(stack: Stack, call: Any) -> None:
    with pytest.raises(Unavailable):
        call(Bucket(clients.s3, "no-such-bucket"))


def test_what_could_not_be_looked_for_is_not_said_to_be_missing(bucket: Bucket) -> None:
    with failing(throttled("500", 500), "HeadObject", service="s3"), pytest.raises(Unavailable):
        bucket.size("a")


def test_a_link_is_of_the_buckets_region_and_names_the_file() -> None:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        clients.s3.cache_clear()
        link = Bucket(clients.s3, "files").link("a/b.csv", file_name="events.csv", seconds=300)
        clients.s3.cache_clear()

    assert link.startswith(f"https://files.s3.{REGION}.amazonaws.com/a/b.csv?")
    assert "X-Amz-Expires=300" in link
    assert "events.csv" in link
