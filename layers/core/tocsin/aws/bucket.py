"""An S3 bucket: objects written whole or in parts, and links by which one can be read for a while.

All methods raise Unavailable where S3 does not do as asked. A part is at least 5 MiB, but for the last one, and there
are at most 10,000. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.errors import as_unavailable, code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIN_PART = 5 * 1024 * 1024
MAX_PARTS = 10_000

_MISSING = frozenset({"404", "403", "NoSuchKey", "NotFound", "NoSuchUpload"})


class Bucket:
    """One bucket."""

    def __init__(self, client: Callable[[], S3Client], name: str) -> None:
        """`client` gives the client, and is asked when it is needed first."""
        self._make = client
        self._name = name

    @property
    def _client(self) -> S3Client:
        return self._make()

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write an object, in the place of what is there."""
        with as_unavailable("writing a file"):
            self._client.put_object(Bucket=self._name, Key=key, Body=body, ContentType=content_type)

    def get(self, key: str) -> bytes:
        """Return what an object holds."""
        with as_unavailable("reading a file"):
            return self._client.get_object(Bucket=self._name, Key=key)["Body"].read()

    def size(self, key: str) -> int | None:
        """How many bytes an object has; None where there is none."""
        with as_unavailable("looking for a file"):
            try:
                return int(self._client.head_object(Bucket=self._name, Key=key)["ContentLength"])
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def link(self, key: str, *, file_name: str, seconds: int) -> str:
        """Return a URL by which whoever has it can read an object, as a file of that name, for so long."""
        asked = {
            "Bucket": self._name,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{file_name}"',
        }
        return self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)

    # ── in parts ─────────────────────────────────────────────────────────────

    def begin(self, key: str, content_type: str) -> str:
        """Begin an object that is written in parts; its upload's id."""
        with as_unavailable("beginning a file"):
            begun = self._client.create_multipart_upload(Bucket=self._name, Key=key, ContentType=content_type)
        return begun["UploadId"]

    def put_part(self, key: str, upload: str, number: int, body: bytes) -> None:
        """Write a part, counted from 1, in the place of the one with this number."""
        with as_unavailable("writing a part of a file"):
            self._client.upload_part(Bucket=self._name, Key=key, UploadId=upload, PartNumber=number, Body=body)

    def complete(self, key: str, upload: str, parts: int) -> bool:
        """Make an object of the first `parts` parts; False where there is no such upload, as after this was done."""
        try:
            listed = self._listed(key, upload)
        except KeyError:
            return False
        wanted: Any = [{"PartNumber": number, "ETag": listed[number]} for number in range(1, parts + 1)]
        with as_unavailable("completing a file"):
            self._client.complete_multipart_upload(
                Bucket=self._name, Key=key, UploadId=upload, MultipartUpload={"Parts": wanted}
            )
        return True

    def abort(self, key: str, upload: str) -> None:
        """Forget the parts of an object that is not to be; an upload that is not there is no error."""
        with as_unavailable("giving up a file"):
            try:
                self._client.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload)
            except ClientError as error:
                if code_of(error) not in _MISSING:
                    raise

    def _listed(self, key: str, upload: str) -> dict[int, str]:
        """The ETags of the parts by their numbers. KeyError where there is no such upload."""
        found: dict[int, str] = {}
        marker = 0
        with as_unavailable("listing the parts of a file"):
            while True:
                try:
                    page = self._client.list_parts(Bucket=self._name, Key=key, UploadId=upload, PartNumberMarker=marker)
                except ClientError as error:
                    if code_of(error) in _MISSING:
                        raise KeyError(upload) from None
                    raise
                found |= {part["PartNumber"]: part["ETag"] for part in page.get("Parts", [])}
                if not page.get("IsTruncated"):
                    return found
                marker = int(page["NextPartNumberMarker"])
