"""A Celery app whose broker is the process's memory: `python -m tests.client_apps.celery_app` runs a prefork worker.

It sends its own tasks, waits until they are done, and shuts the worker down.
"""

import os
import signal
import threading
import time

from celery import Celery, signals
from celery.worker import state

import tocsin_client.celery
from tocsin_client import Event
from tocsin_client.context import bound_request_id

app = Celery("billing", broker="memory://", backend="cache+memory://")
app.conf.update(task_always_eager=False, worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
tocsin_client.celery.connect(successes=True)


@signals.setup_logging.connect
def leave_logging_as_it_is(**_):
    """Celery would set the level of the root logger, which is other tests' as well."""


TASKS = 12


@app.task(name="billing.pay")
def pay(number):
    Event.new("paid", number=number, pid=os.getpid()).save()
    return number


@app.task(name="billing.fail")
def fail():
    raise KeyError("the-invoice")


@app.task(name="billing.retry", bind=True, max_retries=1)
def retry(self):
    raise self.retry(exc=ValueError("again"), countdown=0)


def main():
    """Work in two processes of its own, until what it has sent itself is done."""
    worker = app.Worker(pool="prefork", concurrency=2, loglevel="ERROR", without_gossip=True, without_mingle=True)
    threading.Thread(target=send_and_stop, daemon=True).start()
    worker.start()
    raise SystemExit(worker.exitcode)


def send_and_stop():
    """Send tasks as a request would, wait for them, and ask the worker to shut down as its operator does."""
    with bound_request_id("r-1"):
        for number in range(TASKS):
            pay.delay(number)
        fail.delay()
    deadline = time.monotonic() + 60
    while _done() < TASKS + 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)


def _done():
    return sum(state.total_count.values()) - len(state.active_requests) - len(state.reserved_requests)


if __name__ == "__main__":
    main()
