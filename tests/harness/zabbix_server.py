"""A real Zabbix in a directory: PostgreSQL, the server and the frontend whose API imports templates. None of them runs as root."""

import contextlib
import gzip
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

from .server import free_port
from .waiting import until

DATA = pathlib.Path("/usr/share/zabbix-server-pgsql")
FRONTEND = pathlib.Path("/usr/share/zabbix")
SERVER = """\
ListenIP=127.0.0.1
ListenPort={port}
DBHost={home}
DBPort={database}
DBName=zabbix
DBUser=zabbix
LogType=console
PidFile={home}/zabbix.pid
SocketDir={home}
CacheUpdateFrequency=1
StartTrappers=2
StartPollers=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
"""
WEB = """<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '{home}';
$DB['PORT'] = '{database}';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""


def postgres() -> pathlib.Path | None:
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    return found[-1] if found else None


def lacking() -> str | None:
    """What is not installed."""
    there = {"postgresql": postgres(), "zabbix-server-pgsql": shutil.which("zabbix_server") and DATA.exists(), "php-cli": shutil.which("php"),
             "zabbix-frontend-php": (FRONTEND / "api_jsonrpc.php").exists()}
    return ", ".join(name for name, found in there.items() if not found) or None


def low_port() -> int:
    """The server takes no port above 32767, which is where the kernel's own choice begins."""
    while True:
        port = random.randrange(15000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Zabbix:
    def __init__(self):
        # Not below pytest's directories, which are open to their owner alone.
        home = pathlib.Path(tempfile.mkdtemp(prefix="uwsgi-zabbix-"))
        # Neither PostgreSQL nor the server work as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        self.home, self.children = home, []
        self.port, self.web, self.database = low_port(), free_port(), free_port()
        if self.user:
            entry = pwd.getpwnam("postgres")
            os.chown(home, entry.pw_uid, entry.pw_gid)
        try:
            self._database()
            self._frontend()
            self._server()
        except BaseException:
            for log in home.glob("*.log"):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
            self.close()
            raise

    def _run(self, *command, **kw):
        done = subprocess.run([str(c) for c in command], cwd=self.home, capture_output=True, check=False, timeout=300, **self.user, **kw)
        assert done.returncode == 0, (command, (done.stdout + done.stderr).decode(errors="replace")[-2000:])

    def _start(self, name, *command):
        with open(self.home / f"{name}.log", "wb") as log:
            self.children.append(subprocess.Popen([str(c) for c in command], cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                  start_new_session=True, **self.user))

    def log(self, name) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def _database(self):
        bin_ = postgres()
        self._run(bin_ / "initdb", "-D", self.home / "db", "-U", "zabbix", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._start("postgres", bin_ / "postgres", "-D", self.home / "db", "-p", self.database, "-k", self.home, "-c", "listen_addresses=",
                    "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=60")
        psql = [bin_ / "psql", "-q", "-h", self.home, "-p", self.database, "-U", "zabbix", "-v", "ON_ERROR_STOP=1"]
        until(lambda: (self.home / f".s.PGSQL.{self.database}").exists() and "ready to accept" in self.log("postgres"), "PostgreSQL", 30)
        self._run(*psql, "-d", "postgres", "-c", "create database zabbix")
        for part in ("schema", "images", "data"):
            self._run(*psql, "-d", "zabbix", input=gzip.decompress((DATA / f"{part}.sql.gz").read_bytes()))

    def _frontend(self):
        self.token, root = None, self.home / "web"
        shutil.copytree(FRONTEND, root, symlinks=False, ignore_dangling_symlinks=True)
        # Debian's frontend has one configuration for the whole machine; the copy has its own.
        place = root / "include/classes/core/CConfigFile.php"
        place.write_text(place.read_text().replace("/etc/zabbix/zabbix.conf.php", f"{self.home}/zabbix.conf.php"))
        (self.home / "zabbix.conf.php").write_text(WEB.format(home=self.home, database=self.database))
        self._start("web", "php", "-d", "memory_limit=256M", "-d", "session.save_path=" + str(self.home), "-S", f"127.0.0.1:{self.web}", "-t", root)
        until(self._answers, "the frontend", 30)
        self.token = self.api("user.login", username="Admin", password="zabbix")

    def _answers(self):
        try:
            return self.api("apiinfo.version")
        except OSError:
            return None

    def _server(self):
        conf = self.home / "server.conf"
        conf.write_text(SERVER.format(port=self.port, home=self.home, database=self.database))
        self._start("server", shutil.which("zabbix_server"), "-f", "-c", conf)
        until(lambda: "server #0 started [main process]" in self.log("server"), "the server", 60)

    def api(self, method, params=None, **named):
        body = {"jsonrpc": "2.0", "method": method, "params": named if params is None else params, "id": 1, "auth": self.token}
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}/api_jsonrpc.php", json.dumps(body).encode(),
                                         {"Content-Type": "application/json-rpc"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method}: {error}\n{self.log('web')[-1500:]}") from error
        assert "result" in answer, (method, answer)
        return answer["result"]

    def load(self, source: str, form: str):
        """Imports a template."""
        rule = {"createMissing": True, "updateExisting": True}
        rules = {"groups": rule, "templates": rule, "items": rule, "discoveryRules": rule}
        assert self.api("configuration.import", format=form, source=source, rules=rules) is True

    def template(self, name="uWSGI metrics") -> str | None:
        found = self.api("template.get", filter={"host": [name]}, output=["templateid"])
        return found[0]["templateid"] if found else None

    def host(self, name: str, templates=()) -> str:
        group = self.api("hostgroup.get", filter={"name": ["Linux servers"]}, output=["groupid"])[0]["groupid"]
        made = self.api("host.create", host=name, interfaces=[], groups=[{"groupid": group}],
                        templates=[{"templateid": template} for template in templates])
        return made["hostids"][0]

    def items(self, host: str) -> dict[str, dict]:
        found = self.api("item.get", hostids=[host], output=["itemid", "key_", "lastvalue", "lastclock", "state", "error", "units", "value_type"])
        return {item["key_"]: item for item in found}

    def close(self):
        """One after the other: the server writes to its database to the end."""
        for child in reversed(self.children):
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(30)
            # What a process started and left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)
