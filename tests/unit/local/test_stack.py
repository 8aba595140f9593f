"""What a local stack says where it does not answer as it should."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from local import stack
from local.api import UnexpectedAnswerError
from local.workspace import Workspace
from tests.stack.conftest import Quiet


def test_an_unexpected_answer_has_the_end_of_the_emulators_log(monkeypatch, tmp_path):
    @contextmanager
    def emulator(_port, *, log, **_settings):
        log.write_text("worker spawned\nLambda api timed out\n")
        yield SimpleNamespace(endpoint_url="")

    @contextmanager
    def sinks():
        yield None

    monkeypatch.setattr(stack, "Emulator", SimpleNamespace(started=emulator))
    monkeypatch.setattr(stack, "Sinks", SimpleNamespace(started=sinks))
    monkeypatch.setattr(stack, "build", lambda *_given, **_named: False)
    monkeypatch.setattr(stack, "deploy", lambda *_given, **_named: None)

    with (
        pytest.raises(UnexpectedAnswerError) as raised,
        stack.local_stack(Workspace(tmp_path), Quiet(), build_directory=tmp_path),
    ):
        raise UnexpectedAnswerError("PUT /blueprint: 500")

    assert raised.value.__notes__ == ["The end of the emulator's log:\nworker spawned\nLambda api timed out"]
