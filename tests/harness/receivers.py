"""Receivers of alarms that we did not write, and a web server that records: each on a port of the kernel's choice."""

import dataclasses
import http.server
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.request

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from . import wire
from .server import free_port
from .waiting import until


@dataclasses.dataclass
class Identity:
    """A certificate that nobody signed but itself, for localhost."""

    certificate: pathlib.Path
    key: pathlib.Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def self_signed(directory: pathlib.Path) -> Identity:
    identity = Identity(directory / "localhost.crt", directory / "localhost.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=receiver of alarms", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", identity.key, "-out", identity.certificate], check=True, capture_output=True)
    return identity


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class WebSink:
    """Records every request and answers with `status`."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0, host: str = "127.0.0.1"):
        self.requests: list[Request] = []
        self.status = 200
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                sink.requests.append(Request(self.command, self.path, dict(self.headers), body))
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def wait(self, count: int = 1) -> list[Request]:
        until(lambda: len(self.requests) >= count, f"{count} requests, there are {self.requests}")
        return self.requests

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@dataclasses.dataclass
class Mail:
    sender: str
    recipients: list[str]
    content: bytes
    starttls: bool
    user: str | None


class _OnSocket(Controller):
    """aiosmtpd's controller wants to know its port before the kernel has chosen one."""

    def __init__(self, handler, **kw):
        self.socket = socket.create_server(("127.0.0.1", 0))
        super().__init__(handler, hostname="127.0.0.1", port=self.socket.getsockname()[1], **kw)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.socket, ssl=self.ssl_context)


class MailSink:
    """aiosmtpd: a real SMTP server. `login` is the only account; without one nobody has to log in."""

    def __init__(self, login: tuple[str, str] | None = None, mechanisms=("PLAIN", "LOGIN"), starttls: Identity | None = None,
                 wrapped: Identity | None = None, refuse=()):
        self.mails: list[Mail] = []
        self.refuse = refuse
        self.mechanisms: list[str] = []
        options = {}
        if login:
            options |= {"authenticator": self._check(login), "auth_required": True, "auth_require_tls": False,
                        "auth_exclude_mechanism": {"PLAIN", "LOGIN"} - set(mechanisms)}
        if starttls:
            options |= {"tls_context": starttls.context(), "require_starttls": True}
        self.controller = _OnSocket(self, ssl_context=wrapped.context() if wrapped else None, **options)
        self.port = self.controller.port
        self.controller.start()

    def _check(self, login):
        def authenticate(_server, _session, _envelope, mechanism, given):
            self.mechanisms.append(mechanism)
            right = (given.login.decode(), given.password.decode()) == login
            # `handled` would mean that the refusal was already answered.
            return AuthResult(success=right, handled=False, auth_data=given)

        return authenticate

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refuse:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        user = session.auth_data.login.decode() if session.auth_data else None
        self.mails.append(Mail(envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None, user))
        return "250 taken"

    def wait(self, count: int = 1) -> list[Mail]:
        until(lambda: len(self.mails) >= count, f"{count} mails, there are {self.mails}")
        return self.mails

    def close(self):
        self.controller.stop()


class Program:
    """A server of Debian as a child, with its own log."""

    def __init__(self, arguments, log: pathlib.Path):
        assert shutil.which(arguments[0]), f"{arguments[0]} is missing: run tests/setup.sh as root"
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def close(self):
        self.process.terminate()
        self.process.wait(20)


PROSODY = """
run_as_root = true
pidfile = "{home}/prosody.pid"
data_path = "{home}/data"
certificates = "{home}"
modules_enabled = {{ "saslauth", "tls", "disco", "ping", "offline", "roster" }}
modules_disabled = {{ "s2s" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_require_encryption = true
authentication = "internal_plain"
log = {{ info = "*console" }}
ssl = {{ key = "{key}", certificate = "{certificate}" }}
VirtualHost "localhost"
"""


class Prosody(Program):
    """A real XMPP server for `localhost`, whose users are never online but for alarms."""

    def __init__(self, home: pathlib.Path, identity: Identity, users: dict[str, str], port: int | None = None):
        self.home, self.port = home, port or free_port()
        accounts = home / "data/localhost/accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        for user, password in users.items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')
        config = home / "prosody.cfg.lua"
        config.write_text(PROSODY.format(home=home, port=self.port, key=identity.key, certificate=identity.certificate))
        super().__init__(["prosody", "-F", "--config", config], home / "prosody.log")
        until(self.listens, f"prosody to listen:\n{self.text()}", 20)

    def listens(self) -> bool:
        try:
            wire.connect(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def messages(self, user: str) -> list[str]:
        """Bodies of the messages that wait for `user`, as the server stored them."""
        store = self.home / f"data/localhost/offline/{user}.list"
        text = store.read_text() if store.exists() else ""
        # Lua writes the fields of a table in any order.
        fields = r'\["attr"\] = \{\};\s*', r'\["name"\] = "body";\s*'
        orders = "|".join(["".join(fields), "".join(reversed(fields))])
        return re.findall(rf'\{{\s*"((?:[^"\\]|\\.)*)";\s*(?:{orders})\}}', text)


class Alertmanager(Program):
    """The real one, alone."""

    CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

    def __init__(self, home: pathlib.Path):
        self.port = free_port()
        (home / "alertmanager.yml").write_text(self.CONFIG)
        super().__init__(["prometheus-alertmanager", f"--config.file={home}/alertmanager.yml", f"--storage.path={home}/alerts",
                          f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], home / "alertmanager.log")
        until(self.ready, f"alertmanager to be ready:\n{self.text()}", 20)

    def ready(self) -> bool:
        try:
            return self.get("/-/ready") is not None
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read()

    def alerts(self) -> list[dict]:
        return json.loads(self.get("/api/v2/alerts"))
