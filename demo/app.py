"""A small real Flask application: fast, slow, failing, upload and streaming pages."""

import hashlib
import time

from flask import Flask, Response, jsonify, request

app = Flask(__name__)

PAGE = """<!doctype html><title>uwsgi-rs demo</title>
<h1>Served by Flask on uwsgi-rs</h1>
<ul><li><a href=/fast>fast</a><li><a href="/slow?ms=300">slow</a><li><a href=/error>error</a>
<li><a href=/stream>stream</a><li>POST /upload</ul>"""


@app.get("/")
def index():
    return PAGE


@app.get("/fast")
def fast():
    return jsonify(answer=42)


@app.get("/slow")
def slow():
    wait = min(request.args.get("ms", 200, type=int), 2000)
    time.sleep(wait / 1000)
    return jsonify(waited_ms=wait)


@app.get("/error")
def error():
    raise RuntimeError("this page always fails")


@app.post("/upload")
def upload():
    data = request.get_data()
    return jsonify(bytes=len(data), md5=hashlib.md5(data).hexdigest())


@app.get("/stream")
def stream():
    return Response((f"line {n}\n" for n in range(100)), mimetype="text/plain")
