"""`tocsin apply` beside somebody else: nobody's change is undone by one who has not seen it."""

import io

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main


class Configuration:
    """Answers as /blueprint does; `between` is called after each dry run: what somebody else does meanwhile."""

    def __init__(self):
        self.version = 1
        self.users = [{"username": "ana"}]
        self.between = lambda: None

    def answer(self, asked):
        etag = {"ETag": f'"{self.version}"'}
        if asked.method == "GET":
            return Reply(200, {"users": self.users}, etag)
        if asked.headers.get("if-match", etag["ETag"]) != etag["ETag"]:
            return Reply(412, {"type": "urn:tocsin:problem:precondition-failed", "detail": "If-Match names another"})
        if "dry_run=true" in asked.path:
            self.between()
        else:
            self.users, self.version = asked.json["users"], self.version + 1
        changes = [{"kind": "users", "name": "new", "change": "create"}]
        return Reply(200, {"changes": changes, "changed": True, "version": self.version}, etag)


@pytest.fixture
def configuration(monkeypatch):
    configuration = Configuration()
    with serving(configuration.answer) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")
        yield configuration


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("users: [{username: new}]\n")
    return str(path)


@pytest.mark.parametrize(("more", "left"), [([], ["ana", "new"]), (["--prune"], ["new"])])
def test_what_was_shown_is_applied(configuration, file, more, left):
    assert main(["apply", "--yes", *more, file]) == ExitCode.OK

    assert [user["username"] for user in configuration.users] == left


@pytest.mark.parametrize("more", [[], ["--prune"]])
def test_what_somebody_else_changed_meanwhile_is_not_undone(configuration, file, more, capsys):
    def another():
        configuration.users.append({"username": "ben"})
        configuration.version += 1

    configuration.between = another

    assert main(["apply", "--yes", *more, file]) == ExitCode.CONFLICT

    assert [user["username"] for user in configuration.users] == ["ana", "ben"]
    assert "nothing was changed: run it again" in capsys.readouterr().err


def test_a_hyphen_is_standard_input_whatever_lies_in_the_folder(configuration, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()
    (tmp_path / "-" / "users.yaml").write_text("users: [{username: stale}]\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("users: [{username: new}]\n"))

    assert main(["apply", "--yes", "-"]) == ExitCode.OK

    assert [user["username"] for user in configuration.users] == ["ana", "new"]
