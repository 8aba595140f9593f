"""What was saved arrives once in processes that fork, whatever their threads do meanwhile."""

import os
import threading

import pytest

from tests.unit.client.producer import actions, arrivals
from tocsin_client import configuration, process


def test_a_forked_process_delivers_its_own_events_and_its_parent_those_before(api, produce, tmp_path):
    for name, spool in (("memory", ""), ("spool", str(tmp_path / "spool"))):
        produce(
            f"for _ in range(20): Event.new('{name}-before').save()\n"
            "child = os.fork()\n"
            f"for _ in range(20): Event.new('{name}-child' if child == 0 else '{name}-parent').save()\n"
            "if child:\n"
            "  assert os.waitpid(child, 0)[1] == 0\n",
            api.url,
            spool,
        ).ends()

    assert actions(api) == {
        f"{name}-{when}": 20 for name in ("memory", "spool") for when in ("before", "child", "parent")
    }
    assert arrivals(api) == 120


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_deliver(api, produce, tmp_path, method):
    (tmp_path / "jobs.py").write_text(
        "from tocsin_client import Event\n\ndef job(n):\n    Event.new('job', n=n).save()\n"
    )
    producer = produce(
        "import multiprocessing\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from jobs import job\n"
        "if __name__ == '__main__':\n"
        "  Event.new('parent').save()\n"
        "  context = multiprocessing.get_context(sys.argv[2])\n"
        "  processes = [context.Process(target=job, args=(n,)) for n in range(4)]\n"
        "  for process in processes: process.start()\n"
        "  for process in processes: process.join()\n"
        "  with context.Pool(2) as pool:\n"
        "    pool.map(job, range(10))\n"
        "    pool.close()\n"
        "    pool.join()\n",
        api.url,
        "",
        str(tmp_path),
        method,
    )

    producer.ends()

    assert actions(api) == {"parent": 1, "job": 14}


def test_forks_while_other_threads_save_lose_nothing(api, produce, tmp_path):
    produce(
        "import threading\n"
        "configure()\n"
        "stop = threading.Event()\n"
        "saved = []\n"
        "def save():\n"
        "  while not stop.is_set():\n"
        "    saved.append(Event.new('thread').save())\n"
        "    time.sleep(0.002)\n"
        "threads = [threading.Thread(target=save) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for n in range(30):\n"
        "  child = os.fork()\n"
        "  if child == 0:\n"
        "    Event.new('child').save()\n"
        "    os._exit(0 if flush(30) else 1)\n"
        "  assert os.waitpid(child, 0)[1] == 0\n"
        "stop.set()\n"
        "for thread in threads: thread.join()\n"
        "Event.new('count', saved=len(saved), lost=saved.count(None)).save()\n"
        "assert flush(60)\n",
        api.url,
        str(tmp_path / "spool"),
    ).ends()

    (count,) = [event for event in api.stored.values() if event.action == "custom_count"]
    assert actions(api) == {"child": 30, "thread": count.context["saved"], "count": 1}


def test_a_fork_while_modules_are_imported_loses_nothing(api, produce):
    """The fault: the child of a process that had just saved its first event had http.client as far as it was imported,
    and could never send."""
    produce(
        "import threading\n"
        "begun = threading.Event()\n"
        "class Slow:\n"
        "  def find_spec(self, name, path=None, target=None):\n"
        "    if name == 'email.parser':\n"
        "      begun.set()\n"
        "      time.sleep(0.5)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "Event.new('parent').save()\n"
        "assert begun.wait(60)\n"
        "child = os.fork()\n"
        "Event.new('child' if child == 0 else 'parent').save()\n"
        "assert flush(60)\n"
        "if child == 0: os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n",
        api.url,
    ).ends()

    assert actions(api) == {"parent": 2, "child": 1}


def test_threads_may_fork_at_once(api, produce, tmp_path):
    produce(
        "import threading\n"
        "configure()\n"
        "def forks():\n"
        "  for n in range(20):\n"
        "    Event.new('thread').save()\n"
        "    child = os.fork()\n"
        "    if child == 0: os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "threads = [threading.Thread(target=forks) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert flush(60)\n",
        api.url,
        str(tmp_path / "spool"),
    ).ends()

    assert actions(api) == {"thread": 80}


def fork() -> None:
    """Have this process fork, and its child end at once."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def test_a_fork_does_not_wait_without_end_for_an_import_and_leaves_it_its_lock(monkeypatch):
    monkeypatch.setattr(process, "_IMPORTED_WITHIN", 0.01)

    with process.importing():
        fork()

        assert process._import_lock.locked()
    assert not process._import_lock.locked()


def test_a_fork_does_not_wait_without_end_for_a_client_and_leaves_its_maker_the_lock(configured, monkeypatch):
    monkeypatch.setattr(configuration, "_MADE_WITHIN", 0.01)
    holds, forked = threading.Event(), threading.Event()

    def makes_a_client() -> None:
        with configured.lock:
            holds.set()
            assert forked.wait(60)

    maker = threading.Thread(target=makes_a_client)
    maker.start()
    assert holds.wait(60)

    fork()

    assert not configured.lock.acquire(blocking=False)
    forked.set()
    maker.join()
    assert configured.lock.acquire(blocking=False)
    configured.lock.release()
