"""Files of a web page: compressed, named by what they hold, and never mixed with those of another version."""

import base64
import gzip
from pathlib import Path

import pytest

from tocsin.http.static_files import ASK_AGAIN, IMMUTABLE, StaticFiles, content_security_policy


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text('<script src="console/@version/main.js"></script>')
    (tmp_path / "main.js").write_text("export const said = 'hello';\n" * 50)
    return tmp_path


def test_the_page_names_the_version_of_its_files(directory: Path) -> None:
    files = StaticFiles(directory, {"x-more": "1"})

    page = files.page({})

    assert f"console/{files.version}/main.js" in page["body"]
    assert page["headers"]["cache-control"] == ASK_AGAIN
    assert page["headers"]["x-more"] == "1"


def test_a_changed_file_changes_the_version_and_the_page_s_etag(directory: Path) -> None:
    before = StaticFiles(directory, {})
    (directory / "main.js").write_text("export const said = 'bye';")

    after = StaticFiles(directory, {})

    assert after.version != before.version
    assert after.page({})["headers"]["etag"] != before.page({})["headers"]["etag"]
    assert after.file(before.version, "main.js", {}) is None


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP , deflate", "x-gzip"])
def test_a_file_is_compressed_for_whoever_takes_that(directory: Path, accepted: str) -> None:
    files = StaticFiles(directory, {})

    answer = files.file(files.version, "main.js", {"accept-encoding": accepted})

    assert answer is not None
    assert answer["isBase64Encoded"]
    assert gzip.decompress(base64.b64decode(answer["body"])) == (directory / "main.js").read_bytes()
    assert answer["headers"]["content-encoding"] == "gzip"
    assert answer["headers"]["cache-control"] == IMMUTABLE


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip;q=0.00, br", "gzipped"])
def test_a_file_is_sent_as_it_is_to_others(directory: Path, accepted: str) -> None:
    files = StaticFiles(directory, {})

    answer = files.file(files.version, "main.js", {"accept-encoding": accepted})

    assert answer is not None
    assert answer["body"] == (directory / "main.js").read_text()
    assert "content-encoding" not in answer["headers"]


def test_what_a_browser_has_is_not_sent_again(directory: Path) -> None:
    files = StaticFiles(directory, {})
    coded = files.page({"accept-encoding": "gzip"})["headers"]["etag"]

    assert files.page({"if-none-match": f'"other", {coded}'})["statusCode"] == 304
    assert files.page({"if-none-match": '"other"'})["statusCode"] == 200


def test_nothing_inline_and_nobody_else_is_allowed() -> None:
    policy = content_security_policy(["https://id.example.com"])

    assert "script-src 'self';" in policy
    assert "connect-src 'self' https://id.example.com;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
