"""SNMPv3: net-snmp as the manager, in every combination it knows, and what happens to the engine over lives."""

import itertools
import os
import signal

import pytest

from harness import netsnmp
from harness.netsnmp import BRANCH, needs_tools
from harness.waiting import until

pytestmark = needs_tools
HASHES = {"md5": "MD5", "sha": "SHA", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
CIPHERS = {"des": "DES", "aes": "AES", "aes192": "AES-192", "aes256": "AES-256"}


def manager(name, hash_=None, cipher=None, password="password1", secret="password2") -> tuple:
    level = "authPriv" if cipher else "authNoPriv" if hash_ else "noAuthNoPriv"
    auth = ("-a", HASHES[hash_], "-A", password) if hash_ else ()
    privacy = ("-x", CIPHERS[cipher], "-X", secret) if cipher else ()
    return ("-v3", "-l", level, "-u", name, *auth, *privacy)


@pytest.fixture
def site(uwsgi, app, tmp_path):
    numbers = itertools.count()

    def start(*users, options=()):
        words = [word for user in users for word in ("--snmp-user", user)]
        server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--stats", tmp_path / f"stats{next(numbers)}", "--wsgi-file", app("hello"),
                       "--metrics-extended", "--snmp=127.0.0.1:0", *words, *options)
        port = server.wait_log(r"SNMP server enabled on 127\.0\.0\.1:0 \(port auto-assigned: (\d+)\)")[1]
        server.where = f"127.0.0.1:{port}"
        return server

    return start


def test_every_combination_of_the_tools_is_answered(site):
    pairs = [(h, c) for h in HASHES for c in (None, *CIPHERS)]
    users = [f"{h}-{c or 'none'};auth={h}:password1" + (f";priv={c}:password2" if c else "") for h, c in pairs]
    server = site("open", *users)
    server.get("/")
    assert netsnmp.get(server.where, "1.1", access=manager("open")) == ["1"]
    for hash_, cipher in pairs:
        name = f"{hash_}-{cipher or 'none'}"
        assert netsnmp.get(server.where, "1.1", access=manager(name, hash_, cipher)) == ["1"], name
    walked = netsnmp.walk(server.where, tool="snmpbulkwalk", access=manager("sha512-aes256", "sha512", "aes256"))
    metrics = server.stats()["metrics"]
    assert {m["oid"] for m in metrics.values() if m["oid"]} <= {name.removeprefix(BRANCH + ".") for name in walked}
    done = netsnmp.run("snmpset", server.where, f"{BRANCH}.1.1", "i", "5", access=manager("md5-none", "md5"))
    assert "notWritable" in done.stderr


@pytest.mark.parametrize("access, said", [
    (manager("joe", "sha256", "aes", password="password9"), "Authentication failure"),
    (manager("joe", "sha256", "aes", secret="password9"), "Decryption error"),
    (manager("joe", "sha256"), "Unsupported security level"),
    (manager("joe"), "Unsupported security level"),
    (manager("eve", "sha256", "aes"), "Unknown user name"),
    ((*manager("joe", "sha256", "aes"), "-n", "elsewhere"), "Bad context specified"),
], ids=["password", "secret", "less", "none", "user", "context"])
def test_what_is_refused_says_why(site, access, said):
    server = site("joe;auth=sha256:password1;priv=aes:password2")
    done = netsnmp.run("snmpget", server.where, f"{BRANCH}.1.1", access=access, timeout=1)
    assert done.returncode != 0 and said.lower() in (done.stdout + done.stderr).lower(), done
    until(lambda: server.stats()["metrics"]["snmp.unauthentic"]["value"] > 0, "a count of it")


def test_a_user_of_v3_opens_no_door_for_communities(site):
    server = site("joe;auth=sha256:password1;priv=aes:password2")
    for community in ("public", "", "joe"):
        done = netsnmp.run("snmpget", server.where, f"{BRANCH}.1.1", access=("-v2c", "-c", community), timeout=0.3)
        assert "Timeout" in done.stderr, done


def boots(path) -> int:
    return int(path.read_text().split()[1])


def test_the_engine_counts_its_starts(site, tmp_path):
    """A manager that knows an engine refuses it with fewer starts; one that falls behind is told."""
    engine = tmp_path / "engine"
    server = site("joe;auth=sha256:password1;priv=aes:password2", options=("--snmp-engine-file", engine))
    access = manager("joe", "sha256", "aes")
    assert netsnmp.get(server.where, "1.1", access=access) == ["0"]
    first = engine.read_text()
    assert boots(engine) == 1 and engine.stat().st_mode & 0o777 == 0o600
    assert netsnmp.get(server.where, "1.1", access=(*access, "-e", "0x" + first.split()[3])) == ["0"], "its id is the one of the file"
    before = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI observer", after=before)
    until(lambda: boots(engine) == 2, "one more start")
    assert engine.read_text().split()[3] == first.split()[3]
    assert netsnmp.get(server.where, "1.1", access=access) == ["0"]
    observer, before = int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)", after=before)[1]), server.mark()
    os.kill(observer, signal.SIGKILL)
    server.wait_log(r"respawned uWSGI observer", after=before)
    until(lambda: boots(engine) == 3, "one more start")
    stale = (*access, "-e", "0x" + first.split()[3], "-Z", "1,5")
    assert netsnmp.get(server.where, "1.1", access=stale) == ["0"], "the tool learns the time from the report"


def test_an_engine_file_that_cannot_be_written_is_told(site, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("rubbish\n")
    server = site("joe;auth=sha256:password1", options=("--snmp-engine-file", broken))
    server.wait_log(r"^snmp-engine-file .*broken: .*managers may have to discover the agent anew$")
    assert netsnmp.get(server.where, "1.1", access=manager("joe", "sha256")) == ["0"]
    assert broken.read_text() == "rubbish\n"


def test_a_wrong_user_ends_the_start_without_its_password(uwsgi, app):
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--snmp=127.0.0.1:0", "--snmp-user",
                   "joe;auth=sha256:hunter2", ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert 'invalid value for option "snmp-user": the password of auth has less than 8 bytes' in server.log()
    assert "hunter2" not in server.log()
