"""What was saved arrives once, in whatever way its process ends, and whatever becomes of the server meanwhile."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from local.waiting import until
from tests.unit.client.api_process import KillableApi, killable_api
from tests.unit.client.api_server import KEY, LIBRARY, drops

PREAMBLE = """
import os, signal, sys, time
from tocsin_client import Event, configure, flush
"""


class Producer:
    """A process of its own that saves events. What it prints tells the test how far it is."""

    def __init__(self, script: str, url: str, spool: str = "", *arguments: str) -> None:
        environment = {
            "PYTHONPATH": str(LIBRARY.parent),
            "TOCSIN_URL": url,
            "TOCSIN_KEY": KEY,
            "PATH": os.environ["PATH"],
        }
        if spool:
            environment["TOCSIN_SPOOL"] = spool
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-W", "ignore", "-c", PREAMBLE + script, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, line: str) -> None:
        """Wait until it prints the line."""
        assert self.process.stdout is not None
        for printed in self.process.stdout:
            if printed.rstrip("\n") == line:
                return
        raise AssertionError(f"it ended without saying {line!r}")

    def line(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        """Let it go on from `input()`."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self, *, by: int = 0) -> None:
        """Wait for its end: an exit status, or a negative signal."""
        assert self.process.wait(timeout=180) == by
        self.forget()

    def forget(self) -> None:
        """End it, if that has not happened yet."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def produce() -> Iterator:
    """Starts producers, and leaves none behind."""
    started: list[Producer] = []

    def start(*arguments: str) -> Producer:
        started.append(Producer(*arguments))
        return started[-1]

    yield start
    for producer in started:
        if producer.process.returncode is None:
            producer.forget()


@pytest.fixture
def killable(tmp_path) -> Iterator[KillableApi]:
    with killable_api(tmp_path / "taken") as api:
        yield api


def actions(api) -> Counter:
    return Counter(event.action.removeprefix("custom_") for event in api.stored.values())


def arrivals(api) -> int:
    """How many events came to the API, also those that came again."""
    return sum(len(request.body.splitlines()) for request in api.requests)


# The end of a process

ENDS = {
    "by itself": ("", 0),
    "by sys.exit": ("sys.exit(3)", 3),
    "by an exception": ("raise SystemExit('no')", 1),
    "by SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
    "by SIGTERM while it waits": ("print('waits', flush=True); input()", -signal.SIGTERM),
    "by SIGTERM that it handles": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        4,
    ),
    "by SIGINT": ("try:\n  signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n  sys.exit(5)", 5),
}


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_a_process_that_ends_delivers_once(api, produce, tmp_path, end, status, spooled):
    producer = produce(
        f"for n in range(50): Event.new('saved', n=n).save()\n{end}\n",
        api.url,
        str(tmp_path / "spool") if spooled else "",
    )
    if "waits" in end:
        producer.says("waits")
        producer.process.terminate()

    producer.ends(by=status)

    assert actions(api) == {"saved": 50}
    assert arrivals(api) == 50


def test_sigterm_tells_of_what_could_not_be_sent(api, produce):
    """The fault: only `exit` did; by SIGTERM the rest was lost without a word, to the log and to on_lost."""
    api.faults.extend([drops] * 1_000)
    producer = produce(
        "from tocsin_client import process\n"
        "process.AT_EXIT = 0.1\n"
        "configure(on_lost=lambda event, reason: print('lost', event['action'], flush=True))\n"
        "Event.new('saved').save()\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n",
        api.url,
    )

    producer.says("lost saved")
    producer.ends(by=-signal.SIGTERM)


def test_a_process_that_is_killed_delivers_once_with_a_spool(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    killed = produce(
        "configure(linger=3600)\n"
        "for n in range(50): Event.new('saved', n=n).save()\n"
        "print('saved', flush=True)\n"
        "input()\n",
        api.url,
        spool,
    )
    killed.says("saved")
    killed.process.kill()
    killed.ends(by=-signal.SIGKILL)
    before = len(api.stored)

    produce("configure()\nEvent.new('next').save()\nassert flush(30)", api.url, spool).ends()

    assert before == 0
    assert actions(api) == {"saved": 50, "next": 1}


def test_a_process_that_is_killed_while_it_sends_delivers_once_with_a_spool(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    killed = produce(
        "configure(linger=0)\nn = 0\nwhile True:\n  Event.new('saved', n=n).save()\n  n += 1\n  print(n, flush=True)\n",
        api.url,
        spool,
    )
    until(lambda: len(api.stored) > 100, 180, of="events under way")
    killed.process.kill()
    assert killed.process.stdout is not None
    saved = int(killed.process.stdout.read().split()[-1])
    killed.ends(by=-signal.SIGKILL)

    produce("configure()\nassert flush(60)\nEvent.new('next').save()\nassert flush(60)", api.url, spool).ends()

    numbers = [event.context["n"] for event in api.stored.values() if "n" in event.context]
    assert len(numbers) == len(set(numbers))
    # The last line may have been cut by the kill, and its event saved.
    assert saved <= len(numbers) <= saved + 1 or set(range(saved)) <= set(numbers)


def test_of_processes_that_share_a_spool_the_others_send_what_a_killed_one_has_left(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    script = "configure()\nfor n in range(20): Event.new('saved').save()\nprint('saved', flush=True)\ninput()"
    producers = [produce(script, api.url, spool) for _ in range(3)]
    for producer in producers:
        producer.says("saved")
    producers[0].process.kill()

    until(lambda: actions(api) == {"saved": 60}, 180, of="all events")
    for producer in producers[1:]:
        producer.go_on()
        producer.ends()


# Forks


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


# A Lambda function that freezes

LAMBDA = """
from tocsin_client import aws_lambda

class Context:
    function_name = "billing"
    aws_request_id = "r-1"
    def get_remaining_time_in_millis(self): return 30_000

@aws_lambda.audited
def handler(event, context):
    for n in range(20): Event.new("invoked", app="billing", n=n).save()
    return {"statusCode": 200}

while True:
    input()
    handler({}, Context())
    print("answered", flush=True)
"""


def test_a_function_that_freezes_after_its_answer_has_delivered_before(api, produce):
    function = produce(LAMBDA, api.url)

    for invocation in (1, 2, 3):
        function.go_on()
        function.says("answered")
        function.process.send_signal(signal.SIGSTOP)

        assert actions(api) == {"invoked": 20 * invocation}
        function.process.send_signal(signal.SIGCONT)


# A server that is killed and started again, under 200 events a second

UNDER_LOAD = """
client = configure(queue_size=int(sys.argv[1]), on_lost=lambda event, reason: None, linger=0.1)
began = time.monotonic()
for n in range(1_000):
    Event.new("load", n=n).save()
    if n in (200, 600): print("reached", flush=True)
    time.sleep(max(0, began + (n + 1) / 200 - time.monotonic()))
print("saved", flush=True)
input()
flush(60)
print(client.dropped, client.lost, flush=True)
"""


def under_load(killable, produce, queue_size: int, spool: str = "") -> tuple[int, int]:
    """Kills the server at the 200th event, and starts it again at the 600th; (dropped, lost)."""
    killable.start()
    producer = produce(UNDER_LOAD, killable.url, spool, str(queue_size))
    producer.says("reached")
    killable.kill()
    producer.says("reached")
    killable.start()
    producer.says("saved")
    producer.go_on()
    dropped, lost = map(int, producer.line().split())
    producer.ends()
    return dropped, lost


def test_a_server_that_is_killed_costs_nothing_with_a_spool(killable, produce, tmp_path):
    dropped, lost = under_load(killable, produce, 10, str(tmp_path / "spool"))

    assert (dropped, lost) == (0, 0)
    assert len(set(killable.taken)) == 1_000


def test_a_server_that_is_killed_costs_exactly_what_was_dropped_without_a_spool(killable, produce):
    dropped, lost = under_load(killable, produce, 100)

    assert dropped == lost > 0
    assert len(set(killable.taken)) == 1_000 - dropped


def test_a_server_that_is_killed_costs_nothing_where_the_queue_has_room(killable, produce):
    dropped, lost = under_load(killable, produce, 10_000)

    assert (dropped, lost) == (0, 0)
    assert len(set(killable.taken)) == 1_000
