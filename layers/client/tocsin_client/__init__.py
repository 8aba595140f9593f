"""Tocsin for those who send it events: standard library only, so that anything can attach it.

    client = Client.from_environment(app="billing")  # TOCSIN_URL, TOCSIN_KEY
    client.send("login", user={"username": "alice", "pk": 7}, client_ip="10.0.0.1")  # stored, or it raises
    client.emit("invoice_paid", context={"invoice": 4711})  # queued; a thread sends it
    client.flush()

A Lambda function that emits calls `flush` before it returns: between invocations its threads stand still.
"""

from tocsin_client.client import Client, Fields
from tocsin_client.session import Receipt, Refused, Session, Unreachable
from tocsin_client.values import json_safe
from tocsin_client.version import __version__

__all__ = ["Client", "Fields", "Receipt", "Refused", "Session", "Unreachable", "__version__", "json_safe"]
