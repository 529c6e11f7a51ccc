"""A Flask application called `app`, as most are."""

import hashlib
import io

from flask import Flask, Response, jsonify, request, send_file

app = Flask(__name__)


@app.get("/")
def index():
    return "Hello from Flask"


@app.get("/json")
def as_json():
    return jsonify(method=request.method, args=request.args.to_dict(), remote=request.remote_addr)


@app.post("/upload")
def upload():
    data = request.get_data()
    return jsonify(md5=hashlib.md5(data).hexdigest(), size=len(data))


@app.get("/stream")
def stream():
    return Response((f"line {i}\n" for i in range(5)), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(io.BytesIO(bytes(range(256)) * 1000), mimetype="application/octet-stream")


@app.get("/boom")
def boom():
    raise RuntimeError("on purpose")
