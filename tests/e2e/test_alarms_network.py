"""Alarms over the network: each kind of action against a receiver that we did not write, and what
happens when that receiver is down, slow, refusing or not the one it should be."""

import base64
import contextlib
import email
import email.policy
import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import paths
from harness.receivers import Alertmanager, MailSink, Prosody, WebSink, self_signed
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.filterwarnings("ignore:Requiring AUTH")]

FAILED = re.escape("[uwsgi-alarm-curl] curl_easy_perform() failed: ")


@pytest.fixture
def opened():
    """`opened(receiver)` closes it after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda receiver: stack.enter_context(contextlib.closing(receiver))


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def alarmed(uwsgi, app):
    """`alarmed("curl:...")` starts a server with the alarm `a` of that action."""
    def start(action: str, *more: str, trust=None):
        env = {"SSL_CERT_FILE": str(trust.certificate)} if trust else None
        return uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("alarm"), "--master", "--alarm", f"a {action}", *more, env=env)

    return start


def raised(server, text: str | bytes, alarm: str = "a"):
    """Raises an alarm, or sets a metric when `alarm` is `metric/NAME`."""
    body = text.encode() if isinstance(text, str) else text
    answer = server.get(f"/{alarm}", method="POST", body=body, headers={"Content-Length": str(len(body))})
    assert answer.status == 200
    return server


# the web

def test_a_web_server_gets_the_message_as_body(alarmed, opened):
    sink = opened(WebSink())
    server = alarmed(f"curl:http://127.0.0.1:{sink.port}/argh;auth_user=topogigio;auth_pass=foobar;subject=on fire")
    raised(server, "TERRIBLE ALARM 1\n")
    [request] = sink.wait()
    assert (request.method, request.path, request.body) == ("POST", "/argh", b"Subject: on fire\r\n\r\nTERRIBLE ALARM 1\n")
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"topogigio:foobar").decode()
    assert request.headers["Accept"] == "*/*"
    assert "Expect" not in request.headers and "Transfer-Encoding" not in request.headers


def test_the_method_is_the_configured_one(alarmed, opened):
    sink = opened(WebSink())
    raised(alarmed(f"curl:http://127.0.0.1:{sink.port}/;method=PUT"), "x")
    assert sink.wait()[0].method == "PUT"


def test_an_unknown_key_is_told_and_has_no_effect(alarmed, opened):
    sink = opened(WebSink())
    server = raised(alarmed(f"curl:http://127.0.0.1:{sink.port}/;methd=PUT"), "x")
    server.wait_log(r'\[uwsgi-alarm-curl\] unknown option "methd" is ignored')
    assert sink.wait()[0].method == "POST"


def test_a_certificate_must_be_trusted_unless_told_otherwise(alarmed, opened, identity):
    sink = opened(WebSink(identity.context()))
    url = f"curl:https://localhost:{sink.port}/argh;method=POST"
    refusing = raised(alarmed(url), "refused")
    refusing.wait_log(FAILED + r"SSL peer certificate or SSH remote key was not OK \(localhost: it is signed by nobody who is trusted\)")
    assert sink.requests == []
    raised(alarmed(f"{url};ssl_insecure=true"), "insecure")
    raised(alarmed(url, trust=identity), "trusted")
    assert {request.body for request in sink.wait(2)} == {b"insecure", b"trusted"}


def test_a_certificate_for_another_host_is_refused(alarmed, opened, identity):
    sink = opened(WebSink(identity.context(), host="127.0.0.2"))
    server = raised(alarmed(f"curl:https://127.0.0.2:{sink.port}/;conn_timeout=2", trust=identity), "x")
    server.wait_log(FAILED + r"SSL peer certificate or SSH remote key was not OK \(127\.0\.0\.2: it is for another host\)")
    assert sink.requests == []


def test_a_receiver_that_comes_back_gets_what_waited(alarmed, opened):
    port = free_port()
    server = raised(alarmed(f"curl:http://127.0.0.1:{port}/"), "patience")
    server.wait_log(FAILED + rf"Couldn't connect to server \(127\.0\.0\.1:{port}: Connection refused\)")
    sink = opened(WebSink(port=port))
    assert sink.wait()[0].body == b"patience"


def test_a_refusal_is_told_and_not_repeated_but_trouble_is(alarmed, opened):
    sink = opened(WebSink())
    server = alarmed(f"curl:http://127.0.0.1:{sink.port}/")
    sink.status = 404
    raised(server, "first").wait_log(FAILED + r"HTTP response code said error \(404 Not Found\)")
    sink.status = 503
    raised(server, "second").wait_log(FAILED + r"HTTP response code said error \(503 Service Unavailable\)")
    sink.status = 200
    assert [request.body for request in sink.wait(3)] == [b"first", b"second", b"second"]


# mail

def parsed(mail):
    return email.message_from_bytes(mail.content, policy=email.policy.default)


def text_of(mail) -> str:
    return parsed(mail).get_content().replace("\r\n", "\n")


def test_a_mail_is_one_that_mail_programs_understand(alarmed, opened):
    sink = opened(MailSink())
    server = alarmed(f"curl:smtp://127.0.0.1:{sink.port};mail_to=admin@example.com,root;mail_from=uwsgi@example.com;subject=alarm from uWSGI !!!")
    raised(server, "first line\n.a dot\nGröße\n")
    [mail] = sink.wait()
    assert (mail.sender, mail.recipients) == ("uwsgi@example.com", ["admin@example.com", "root"])
    message = parsed(mail)
    assert message["From"] == "uwsgi@example.com"
    assert message["Subject"] == "alarm from uWSGI !!!"
    assert message["Date"].datetime and message["Message-ID"]
    assert text_of(mail) == "first line\n.a dot\nGröße\n"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_mail_server_learns_who_sends(alarmed, opened, mechanism):
    sink = opened(MailSink(login=("uwsgi", "secret"), mechanisms=(mechanism,)))
    raised(alarmed(f"curl:smtp://127.0.0.1:{sink.port};mail_to=admin@example.com;auth_user=uwsgi;auth_pass=secret"), "x\n")
    assert sink.wait()[0].user == "uwsgi"
    assert sink.mechanisms == [mechanism]


def test_a_wrong_password_is_told_without_the_password(alarmed, opened):
    sink = opened(MailSink(login=("uwsgi", "secret")))
    server = raised(alarmed(f"curl:smtp://127.0.0.1:{sink.port};mail_to=admin@example.com;auth_user=uwsgi;auth_pass=wr0ng"), "x\n")
    server.wait_log(FAILED + r"Login denied \(127\.0\.0\.1:\d+ said 535 ")
    assert "wr0ng" not in server.log() and base64.b64encode(b"\0uwsgi\0wr0ng").decode() not in server.log()
    assert sink.mails == []


def test_starttls_is_used_when_asked_for(alarmed, opened, identity):
    sink = opened(MailSink(starttls=identity))
    url = f"curl:smtp://localhost:{sink.port};mail_to=admin@example.com"
    raised(alarmed(url), "in the clear").wait_log(FAILED + r"Failed sending data to the peer \(localhost:\d+ said 530 ")
    raised(alarmed(f"{url};ssl=1"), "distrust").wait_log(FAILED + "SSL peer certificate")
    assert sink.mails == []
    raised(alarmed(f"{url};ssl=1", trust=identity), "trusted\n")
    [mail] = sink.wait()
    assert mail.starttls and text_of(mail) == "trusted\n"


def test_smtps_is_encrypted_from_the_first_byte(alarmed, opened, identity):
    sink = opened(MailSink(wrapped=identity, login=("uwsgi@gmail.com", "secret")))
    url = f"curl:smtps://localhost:{sink.port};mail_to=admin@example.com;auth_user=uwsgi@gmail.com;auth_pass=secret;subject=s"
    raised(alarmed(url), "distrust").wait_log(FAILED + "SSL peer certificate")
    raised(alarmed(url, trust=identity), "x\n")
    [mail] = sink.wait()
    assert (mail.sender, mail.user) == ("uwsgi@gmail.com", "uwsgi@gmail.com")


def test_a_refused_recipient_is_told_and_the_others_get_the_mail(alarmed, opened):
    sink = opened(MailSink(refuse=("gone@example.com",)))
    server = raised(alarmed(f"curl:smtp://127.0.0.1:{sink.port};mail_to=gone@example.com,here@example.com"), "x\n")
    assert sink.wait()[0].recipients == ["here@example.com"]
    server.wait_log(r"\[uwsgi-alarm-curl\] recipient refused, gone@example.com: .* said 550 no such user")


# chat

USERS = {"uwsgi": "sesame", "admin": "x", "admin2": "y"}


@pytest.fixture
def prosody(opened, tmp_path, identity):
    return opened(Prosody(tmp_path, identity, USERS))


def jabber(prosody, password="sesame", recipients="admin@localhost,admin2@localhost") -> str:
    return f"xmpp:uwsgi@localhost/alarms;{password};{recipients};server=127.0.0.1:{prosody.port}"


CONNECTED = r"\[uwsgi-alarm-xmpp\] \(uwsgi@localhost/alarms\) connected to the XMPP server"


def test_xmpp_is_online_from_the_start_and_tells_every_recipient(alarmed, prosody, identity):
    server = alarmed(jabber(prosody), trust=identity)
    server.wait_log(CONNECTED)
    assert "Stream encrypted" in prosody.text() and "Authenticated as uwsgi@localhost" in prosody.text()
    raised(server, "TERRIBLE <ALARM> & so é\n")
    for user in ("admin", "admin2"):
        assert until(lambda user=user: prosody.messages(user), f"a message for {user}") == ["TERRIBLE <ALARM> & so \\195\\169"]


def test_xmpp_comes_back_with_the_server(alarmed, prosody, identity, tmp_path, opened):
    server = alarmed(jabber(prosody), trust=identity)
    server.wait_log(CONNECTED)
    prosody.close()
    server.wait_log(r"\[uwsgi-alarm-xmpp\] \(uwsgi@localhost/alarms\) lost the XMPP server")
    after = server.mark()
    server.wait_log(r"\[uwsgi-alarm-xmpp\] \(uwsgi@localhost/alarms\) trying reconnect to the XMPP server\.\.\.")
    raised(server, "while it was away")
    again = opened(Prosody(tmp_path, identity, USERS, port=prosody.port))
    server.wait_log(CONNECTED, after=after, timeout=40)
    until(lambda: again.messages("admin") == ["while it was away"], "the message that waited", 40)


def test_xmpp_refuses_what_it_should(alarmed, prosody, identity):
    distrusting = alarmed(jabber(prosody))
    distrusting.wait_log(r"\[uwsgi-alarm-xmpp\] \(uwsgi@localhost/alarms\) SSL peer certificate")
    stranger = raised(alarmed(jabber(prosody, password="open!!"), trust=identity), "x")
    stranger.wait_log(r"\[uwsgi-alarm-xmpp\] \(uwsgi@localhost/alarms\) Login denied \(not-authorized")
    assert "open!!" not in stranger.log()
    bouncing = raised(alarmed(jabber(prosody, recipients="nobody@localhost"), trust=identity), "x")
    bouncing.wait_log(r"nobody@localhost does not take the message \(service-unavailable\)")


# who pages

def test_alertmanager_has_the_alert_until_it_ends(alarmed, opened, tmp_path):
    manager = opened(Alertmanager(tmp_path))
    server = alarmed(f"alertmanager:http://127.0.0.1:{manager.port};label=severity=page;instance=shop;generator=http://shop/;lasts=2")
    raised(server, "it burns\n")
    [alert] = until(manager.alerts, "an alert")
    assert alert["labels"] == {"alertname": "a", "instance": "shop", "severity": "page"}
    assert alert["annotations"] == {"summary": "it burns"}
    assert (alert["status"]["state"], alert["generatorURL"]) == ("active", "http://shop/")
    until(lambda: manager.alerts() == [], "the end of the alert")


def test_a_threshold_ends_what_it_began(alarmed, opened, tmp_path):
    manager, sink = opened(Alertmanager(tmp_path)), opened(WebSink())
    threshold = "key=temperature,value=10,clear=5,msg=hot,recovery=cool"
    server = alarmed(f"alertmanager:http://127.0.0.1:{manager.port}", "--alarm", f"p pagerduty:K;url=http://127.0.0.1:{sink.port}/",
                     "--metric", "temperature", "--metric-alarm", f"{threshold},alarm=a", "--metric-alarm", f"{threshold},alarm=p")
    raised(server, "12", "metric/temperature")
    [alert] = until(manager.alerts, "an alert")
    assert (alert["labels"]["metric"], alert["annotations"]) == ("temperature", {"bound": "10", "summary": "hot", "value": "12"})
    raised(server, "3", "metric/temperature")
    until(lambda: manager.alerts() == [], "the end of the alert")
    first, last = (json.loads(request.body) for request in sink.wait(2))
    assert (first["event_action"], last["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == last["dedup_key"] and first["dedup_key"].endswith("/p/temperature")


def test_alertmanager_says_what_it_does_not_like(alarmed, opened, tmp_path):
    manager = opened(Alertmanager(tmp_path))
    server = raised(alarmed(f"alertmanager:http://127.0.0.1:{manager.port};generator=not a url"), "x")
    server.wait_log(r"\[uwsgi-alarm-alertmanager\] HTTP response code said error \(4\d\d ")


def test_webhook_pagerduty_and_slack_post_their_documents(alarmed, opened):
    sink = opened(WebSink())
    url = f"http://127.0.0.1:{sink.port}"
    server = alarmed(f"webhook:{url}/hook;header=X-Token: t0ken;instance=shop", "--alarm", f"p pagerduty:R0UTE;url={url}/page;severity=error",
                     "--alarm", f"s slack:{url}/services/T0/B0;channel=#ops")
    for alarm in "aps":
        raised(server, "it <burns>\n", alarm)
    sent = {request.path: request for request in sink.wait(3)}
    hook, page, chat = (json.loads(sent[path].body) for path in ("/hook", "/page", "/services/T0/B0"))
    assert list(hook) == ["alarm", "text", "host", "instance", "time", "detail"]
    assert (hook["alarm"], hook["text"], hook["instance"], hook["detail"]) == ("a", "it <burns>\n", "shop", None)
    assert sent["/hook"].headers["X-Token"] == "t0ken" and sent["/hook"].headers["Content-Type"] == "application/json"
    assert (page["routing_key"], page["event_action"]) == ("R0UTE", "trigger")
    assert page["dedup_key"].endswith("/p") and page["payload"]["severity"] == "error" and page["payload"]["summary"] == "it <burns>"
    assert chat["channel"] == "#ops" and chat["text"].endswith("\nit &lt;burns&gt;")
    sink.status = 403
    raised(server, "no", "p").wait_log(r"\[uwsgi-alarm-pagerduty\] HTTP response code said error \(403 Forbidden\)")
    raised(server, "no", "s").wait_log(r"\[uwsgi-alarm-slack\] HTTP response code said error \(403 Forbidden\)")
    assert not re.search("R0UTE|/services/T0|t0ken", server.log())


def test_airbrake_gets_a_notice_of_a_crash(alarmed, opened):
    sink = opened(WebSink())
    server = alarmed(f"airbrake:http://127.0.0.1:{sink.port}/notifier_api/v2/notices;apikey=K&Y;env=live;subject=ignored",
                     "--alarm-segfault", "a")
    os.kill(server.allow("Segmentation Fault", "DAMN !").worker_pids()[1], signal.SIGSEGV)
    [request] = sink.wait()
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    notice = ElementTree.fromstring(request.body)
    assert (notice.tag, notice.get("version")) == ("notice", "2.3")
    assert [child.tag for child in notice] == ["api-key", "notifier", "request", "server-environment", "error"]
    assert (notice.findtext("api-key"), notice.findtext("notifier/name")) == ("K&Y", "uWSGI")
    assert [var.get("key") for var in notice.iterfind("request/cgi-data/var")] == [
        "uwsgi_version", "compiled_with_version", "os_sysname", "os_version", "machine", "nodename"]
    assert notice.findtext("server-environment/environment-name") == "live"
    assert notice.findtext("error/class") == "RuntimeError"
    assert re.match(r"uWSGI segfault (at \S+ )?in /", notice.findtext("error/message"))
    # The frames are those that the log shows.
    logged = re.findall(r"^(\S+)\((\S*)\) \[0x", server.log(), re.M)
    frames = [(line.get("method"), line.get("file")) for line in notice.iterfind("error/backtrace/line")]
    assert frames == [(inner if inner.startswith("+") else inner.split("+")[0], file) for file, inner in logged] != []


# configurations

WRONG = {
    "curl:": "An URL is required to trigger curl-based alarm.",
    "curl:ftp://h/": 'the URL is of scheme "ftp", not of http, https, smtp, smtps',
    "xmpp:me@x": "xmpp: the argument must be <jid>;<password>;<recipient>,<recipient>...",
    "airbrake:http://h/": "airbrake: apikey= is required",
    "pagerduty:K;severity=bad": 'pagerduty: severity "bad" is not one of critical, error, warning, info',
    "speech:": "the speech alarm needs the voice of macOS",
}


@pytest.mark.parametrize("action", WRONG)
def test_what_cannot_work_ends_the_start(uwsgi, app, action):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--master", "--alarm", f"a {action}", ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert WRONG[action] in server.log()


@pytest.mark.parametrize("text", re.findall(r"```ini\n(.*?)```", (paths.REPO / "docs/alarm-actions.md").read_text(), re.S))
def test_the_examples_of_the_documentation_are_valid(tmp_path, text):
    file = tmp_path / "example.ini"
    file.write_text(f"[uwsgi]\n{text}")
    done = subprocess.run([paths.OURS, "--check", "--ini", file], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "invalid alarm" not in done.stdout + done.stderr


def test_the_plugins_of_packages_are_built_in(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--master",
                   "--plugins", "alarm_curl,alarm_xmpp,airbrake", "--alarm-list")
    listed = server.wait_log(r"\*\*\* uWSGI loaded alarms \*\*\*\n((?:.*\n)*?)--- end of alarms list ---")[1].split()
    assert {"curl", "xmpp", "airbrake", "webhook", "alertmanager", "pagerduty", "slack"} <= set(listed)


def test_a_dead_receiver_does_not_keep_a_server_from_ending(alarmed):
    server = raised(alarmed(f"curl:http://127.0.0.1:{free_port()}/"), "x")
    server.wait_log(FAILED)
    assert server.stop() == 0
