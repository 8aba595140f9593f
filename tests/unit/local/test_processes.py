"""Child processes that end with us, ports that are free, files that are ours."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.processes import child_environment, end_group, free_port, run_logged, tail
from local.workspace import Facts, Workspace, claimed

FACTS = Facts("http://127.0.0.1:1/api", "key", "http://127.0.0.1:1", "tocsin-local", "http://127.0.0.1:2")


def wait_until(condition, deadline_s=120):
    deadline = time.monotonic() + deadline_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_port_that_is_free_is_given():
    port = free_port()

    assert free_port(port) == port


def test_instead_of_a_port_that_is_taken_another_one_is_given():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port(port) not in {port, 0}


def test_a_child_sees_nothing_of_our_aws_settings(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///index")

    environment = child_environment(GATEWAY_PORT="1")

    assert not [name for name in environment if name.startswith("AWS_")]
    assert environment["PIP_INDEX_URL"] == "file:///index"
    assert environment["GATEWAY_PORT"] == "1"


def test_a_childs_programs_are_this_environments_first():
    assert child_environment()["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_what_a_program_prints_is_logged_and_told_line_by_line(tmp_path):
    told = []
    command = [sys.executable, "-c", "import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)"]

    status = run_logged(command, tmp_path / "log", environment=child_environment(), on_line=told.append)

    assert status == 3
    assert sorted(told) == ["a", "b"]
    assert sorted((tmp_path / "log").read_text().split()) == ["a", "b"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at /proc")
def test_a_program_ends_when_its_reader_is_interrupted(tmp_path):
    pids = []

    def interrupt(line):
        pids.append(int(line))
        raise KeyboardInterrupt

    command = [sys.executable, "-uc", "import os, time; print(os.getpid()); time.sleep(60)"]
    with pytest.raises(KeyboardInterrupt):
        run_logged(command, tmp_path / "log", environment=child_environment(), on_line=interrupt)

    assert not alive(pids[0])


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at /proc")
def test_the_children_of_a_child_end_with_it_even_if_it_will_not():
    script = (
        "import signal, subprocess, sys, time;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    with parent.stdout:
        grandchild = int(parent.stdout.readline())

        end_group(parent, patience_s=0.1)

    assert parent.returncode == -signal.SIGKILL
    assert wait_until(lambda: not alive(grandchild))


def test_the_end_of_a_log_is_given_and_nothing_where_there_is_none(tmp_path):
    (tmp_path / "log").write_text("1\n2\n3\n")

    assert tail(tmp_path / "log", 2) == "2\n3"
    assert tail(tmp_path / "absent") == ""


def test_the_facts_are_for_their_owners_eyes_only(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.facts.write_text("{}")

    workspace.write_facts(FACTS)

    assert stat.S_IMODE(workspace.facts.stat().st_mode) == 0o600
    assert json.loads(workspace.facts.read_text()) == {
        "api_url": FACTS.api_url,
        "admin_key": FACTS.admin_key,
        "endpoint_url": FACTS.endpoint_url,
        "stack_name": FACTS.stack_name,
        "sink_url": FACTS.sink_url,
    }


def test_the_facts_are_gone_when_the_run_ends(tmp_path):
    with claimed(tmp_path, 4566) as workspace:
        workspace.write_facts(FACTS)

    assert not workspace.facts.exists()


def test_a_second_run_leaves_the_firsts_files_alone(tmp_path):
    with claimed(tmp_path, 4566) as first:
        first.write_facts(FACTS)
        with claimed(tmp_path, 4999) as second:
            second.write_facts(FACTS)

        assert second.facts.name == "stack-4999.json"
        assert first.facts.exists()
        assert not second.facts.exists()
