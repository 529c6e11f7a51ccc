"""The stats document for MongoDB: by the official driver, to a server of the wire protocol that is not ours."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import re
import socket
import subprocess
import threading

import pytest

from harness import paths, procs
from harness.server import free_port, plain_environment
from harness.waiting import PATIENCE, until

mockupdb = pytest.importorskip("mockupdb", reason="mockupdb is missing: run tests/setup.sh")
bson = pytest.importorskip("bson", reason="bson of pymongo is missing: run tests/setup.sh")
HELLO = {"ismaster": True, "isWritablePrimary": True, "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16 << 20,
         "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "ok": 1}


def refused(*args):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", *args], capture_output=True, timeout=60, check=False, text=True,
                          stdin=subprocess.DEVNULL, env=plain_environment())
    assert done.returncode == 1
    return done.stderr


def has_driver():
    return "no MongoDB driver" not in refused("--stats-push", "mongodb", "--stats-push", "nowhere:x")


driver = pytest.mark.skipif("not has_driver()", reason="this build has no MongoDB driver: UWSGI_BIN is one without the feature mongodb")
pytestmark = pytest.mark.ours


@contextlib.contextmanager
def mongod_at(port=None):
    server = mockupdb.MockupDB(port=port, auto_ismaster=HELLO)
    server.run()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def mongod():
    """MockupDB on a port of the kernel's choice."""
    with mongod_at() as server:
        yield server


@pytest.fixture
def pushing(uwsgi, app):
    """A server that pushes each second, with a short timeout."""
    def start(keys, *args):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", "stats.sock", "--metrics-extended", "--socket-timeout", "1", *args,
                       "--stats-push", f"mongodb:{keys},freq=1", "--wsgi-file", app("ask"))
        server.wait_log(r"spawned uWSGI observer \(pid: \d+\)")
        return server

    return start


def receive(mongod, command="insert"):
    request = mongod.receives(timeout=30 * PATIENCE)
    assert request.command_name == command, request
    return request


def observer_of(server) -> int:
    return int(re.findall(r"spawned uWSGI observer \(pid: (\d+)\)", server.log())[-1])


def own(server, field) -> int:
    """A number that the server has of its only pusher."""
    return server.stats()["metrics"][f"pusher.0.{field}"]["value"]


def errors(server):
    return re.findall(r"\[stats-pusher-mongodb\] ERROR\(.*", server.log())


# ------------------------------------------------------------------ what is refused at the start

def test_a_build_without_the_driver_names_the_feature():
    if has_driver():
        pytest.skip("this build has the driver")
    said = refused("--stats-push", "mongodb")
    assert "this build has no MongoDB driver for 127.0.0.1:27017/uwsgi.statistics, the feature mongodb has it" in said


@driver
@pytest.mark.parametrize(("keys", "text"), [
    ("collection=stats", "collection = stats is not DATABASE.COLLECTION"),
    ("speed=1", '"speed" is not one of addr, address, collection, freq, dots, meta, timeseries'),
    ("freq=often", "freq = often is not a number of seconds"),
    ("addr=mongodb+srv://h.example.org", "mongodb+srv is not supported, name the hosts"),
    ("addr=mongodb://me:secret@h/?tls=perhaps", "mongodb://h: "),
])
def test_what_makes_no_sense_is_refused(keys, text):
    said = refused("--stats-push", f"mongodb:{keys}")
    assert "invalid mongodb stats pusher syntax: " in said and text in said
    assert "secret" not in said.replace(keys, "")


# ------------------------------------------------------------------ what arrives

@driver
def test_documents_arrive_over_one_connection(pushing, mongod):
    server = pushing(f"addr=127.0.0.1:{mongod.port},collection=uwsgi.my.stats", "--plugins", "stats_pusher_mongodb",
                     "--metric", "name=large,initial_value=5000000000")
    insert = receive(mongod)
    assert (insert["insert"], insert["$db"], insert["writeConcern"]) == ("my.stats", "uwsgi", {"w": 1})
    [document] = insert["documents"]
    assert list(document) == ["_id", *server.stats()]
    assert isinstance(document["_id"], bson.ObjectId)
    assert (document["version"], document["pid"]) == (server.stats()["version"], server.pid)
    assert type(document["pid"]) is int, "what fits 32 bits has 32"
    large = document["metrics"]["large"]["value"]
    assert (large, type(large)) == (5_000_000_000, bson.Int64)
    assert document["workers"][0]["id"] == 1 and document["metrics"]["worker.0.requests"]["value"] == 0
    insert.ok(n=1)
    for _ in range(3):
        later = receive(mongod)
        assert later.client_port == insert.client_port, "the connection is kept"
        later.ok(n=1)


@driver
def test_dots_are_rewritten_and_time_and_host_stand_in_front(pushing, mongod):
    before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(seconds=1)
    pushing(f"address=mongodb://127.0.0.1:{mongod.port}/?appName=mine,dots=_,meta=1")
    insert = receive(mongod)
    assert insert["insert"] == "statistics"
    [document] = insert["documents"]
    insert.ok(n=1)
    assert before < document["ts"] < before + datetime.timedelta(seconds=30 * PATIENCE)
    assert document["host"] == socket.gethostname()
    assert "worker_0_requests" in document["metrics"] and not any("." in name for name in document["metrics"])


@driver
def test_a_time_series_is_made_once(pushing, mongod):
    pushing(f"addr=127.0.0.1:{mongod.port},timeseries=1")
    create = receive(mongod, "create")
    assert (create["create"], create["timeseries"]) == ("statistics", {"timeField": "ts", "metaField": "host"})
    create.command_err(code=48, errmsg="Collection already exists")
    for _ in range(2):
        insert = receive(mongod)
        assert {"ts", "host"} < set(insert["documents"][0])
        insert.ok(n=1)


# ------------------------------------------------------------------ logging in

def keyed(key, text):
    return hmac.digest(key, text, "sha256")


def scram(mongod, password, lie=False):
    """The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677); returns the name that logs in."""
    start = receive(mongod, "saslStart")
    assert (start["mechanism"], start["$db"]) == ("SCRAM-SHA-256", "admin")
    bare = start["payload"].decode().removeprefix("n,,")
    name, nonce = re.fullmatch("n=([^,]+),r=(.+)", bare).groups()
    salt, rounds = b"sixteen bytes, y", 4096
    first = f"r={nonce}server,s={base64.b64encode(salt).decode()},i={rounds}"
    start.ok(conversationId=1, done=False, payload=first.encode())
    final = receive(mongod, "saslContinue")
    plain, proof = final["payload"].decode().split(",p=")
    assert plain == f"c=biws,r={nonce}server"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key, signed = keyed(salted, b"Client Key"), f"{bare},{first},{plain}".encode()
    signature = keyed(hashlib.sha256(client_key).digest(), signed)
    assert base64.b64decode(proof) == bytes(a ^ b for a, b in zip(client_key, signature, strict=True)), "the proof of the password"
    verifier = keyed(keyed(salted, b"Server Key"), signed if not lie else signed + b"!")
    final.ok(conversationId=1, done=True, payload=b"v=" + base64.b64encode(verifier))
    return name


@driver
def test_scram_sha_256(pushing, mongod):
    server = pushing(f"addr=mongodb://me:p%40ss@127.0.0.1:{mongod.port}/?authMechanism=SCRAM-SHA-256")
    assert scram(mongod, "p@ss") == "me"
    receive(mongod).ok(n=1)
    until(lambda: own(server, "pushes") == 1, "the push is counted")
    assert "p%40ss" not in server.log() and "p@ss" not in server.log()


@driver
def test_a_server_that_does_not_know_the_password_gets_no_document(pushing, mongod):
    server = pushing(f"addr=mongodb://me:secret@127.0.0.1:{mongod.port}/?authMechanism=SCRAM-SHA-256")
    scram(mongod, "secret", lie=True)
    server.wait_log(rf"ERROR\(mongodb://127.0.0.1:{mongod.port}/uwsgi.statistics\): SCRAM failure: ", timeout=30)


@driver
def test_a_login_that_is_refused_is_in_the_log_without_the_password(pushing, mongod):
    server = pushing(f"addr=mongodb://me:secret@127.0.0.1:{mongod.port}/?authMechanism=SCRAM-SHA-256")
    receive(mongod, "saslStart").command_err(code=18, errmsg="Authentication failed.")
    server.wait_log(rf"ERROR\(mongodb://127.0.0.1:{mongod.port}/uwsgi.statistics\): .+Authentication failed", timeout=30)
    assert "secret" not in server.log()


# ------------------------------------------------------------------ servers that fail

@driver
@pytest.mark.parametrize(("reply", "text"), [
    ({"n": 0, "writeErrors": [{"index": 0, "code": 121, "errmsg": "Document failed validation"}]}, "Document failed validation (code 121)"),
    ({"n": 1, "writeConcernError": {"code": 64, "codeName": "W", "errmsg": "waiting for replication timed out"}},
     "write concern: waiting for replication timed out (code 64)"),
    ({"ok": 0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on uwsgi"}, "not authorized on uwsgi"),
])
def test_what_a_server_refuses_is_told(pushing, mongod, reply, text):
    server = pushing(f"addr=127.0.0.1:{mongod.port}")
    receive(mongod).reply({"ok": 1, **reply})
    until(lambda: errors(server), "the log says so", 30)
    [line] = errors(server)
    assert line.startswith(f"[stats-pusher-mongodb] ERROR(127.0.0.1:{mongod.port}/uwsgi.statistics): ") and text in line
    receive(mongod).ok(n=1)
    server.wait_log("works again after 1 ", timeout=30)


@driver
def test_a_server_that_dies_and_comes_back(pushing):
    port = free_port()
    server = pushing(f"addr=127.0.0.1:{port}")
    with mongod_at(port) as mongod:
        receive(mongod).ok(n=1)
    until(lambda: own(server, "failing") >= 3, "failures are counted", 60)
    assert server.get("/?1").status == 200
    assert len(errors(server)) <= 2, "the end of the connection, and then one line for all that follow"
    last = f"[stats-pusher-mongodb] ERROR(127.0.0.1:{port}/uwsgi.statistics): Server selection timeout: No available servers: "
    assert errors(server)[-1] == f"{last}127.0.0.1:{port}: I/O error: Connection refused (os error 111)"
    with mongod_at(port) as mongod:
        receive(mongod).ok(n=1)
        server.wait_log("works again after", timeout=30)
        assert own(server, "pushes") == 2 and own(server, "dropped") >= 3


@driver
def test_an_insert_without_an_answer_is_given_up_with_its_connection(pushing, mongod):
    server = pushing(f"addr=127.0.0.1:{mongod.port}")
    assert len({receive(mongod).client_port for _ in range(3)}) == 3, "each on a connection of its own"
    assert errors(server) == [f"[stats-pusher-mongodb] ERROR(127.0.0.1:{mongod.port}/uwsgi.statistics): no answer within 2 s"]
    receive(mongod).ok(n=1)
    server.wait_log("works again after 3 ", timeout=30)


@contextlib.contextmanager
def rude(greeting):
    """A server that says the same to everyone, or nothing at all, and keeps the connections; yields its port and who came."""
    listener, came = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                came.append(connection)
                if greeting:
                    with contextlib.suppress(OSError):
                        connection.sendall(greeting)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], came
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in (listener, *came):
            connection.close()


HUGE = (2**31 - 1).to_bytes(4, "little") + bytes(8) + (2013).to_bytes(4, "little")


@driver
@pytest.mark.parametrize("greeting", [
    b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", HUGE, b"\xff" * 64, HUGE.replace(b"\x7f", b"\x02"),
], ids=["deaf", "another protocol", "huge", "negative", "never whole"])
def test_a_server_that_makes_no_sense_is_bounded(pushing, greeting):
    with rude(greeting) as (port, came):
        server = pushing(f"addr=127.0.0.1:{port}")
        until(lambda: own(server, "failing") >= 2, "failures are counted", 60)
        observer = observer_of(server)
        fds, memory = procs.open_fds(observer), procs.pss_kib(observer)
        until(lambda: own(server, "failing") >= 5, "more failures are counted", 60)
        assert procs.open_fds(observer) <= fds + 2, "connections do not pile up"
        assert procs.pss_kib(observer) < memory + 8192 and memory < 128 << 10
        assert came and own(server, "queued") <= 2
        assert server.get("/?1").status == 200
        assert len(errors(server)) <= 2, errors(server)
        server.stop()
