"""A Flask application. One event is saved when it is imported: before the fork, where its server preloads."""

import os

from flask import Flask, jsonify
from werkzeug.exceptions import SecurityError

from tocsin_client import Event, flush
from tocsin_client.flask import Tocsin

app = Flask(__name__)
app.config["TOCSIN_TRUSTED_PROXIES"] = 1
app.config["TOCSIN_USER"] = lambda: {"pk": 7, "username": "alice"}
tocsin = Tocsin(app)
Event.new("imported", pid=os.getpid()).save()


@app.route("/event/", methods=["GET", "POST"])
def event():
    return jsonify(id=tocsin.event("invoice_paid", invoice=4711, pid=os.getpid()).save(), pid=os.getpid())


@app.route("/fail/")
def fail():
    raise KeyError("the-invoice")


@app.route("/suspicious/")
def suspicious():
    raise SecurityError("the host is not trusted")


@app.route("/flush/")
def flushed():
    return jsonify(flushed=flush(30))
