"""Configuration: errors, exit codes, what is shown."""

import socket

from .box import AUTO
from .scenarios import scenario


def refused(name, *args, files=()):
    """A command line that ends at once."""
    def run(box):
        for file, text in files:
            box.file(file, text)
        box.run(*args)
    run.__name__ = f"config_{name}"
    scenario(run)


refused("unknown_option", "--no-such-option")
refused("ambiguous_option", "--proc", "2")
refused("argument_not_allowed", "--master=true")
refused("argument_missing", "--socket")
refused("missing_ini", "--ini", "missing.ini")
refused("unknown_suffix", "thing.txt")
refused("version", "--version")
refused("unknown_protocol", "--socket", AUTO, "--protocol", "gopher", "-M")
refused("cheaper_too_high", "--ini", "c.ini", files=[("c.ini", "[uwsgi]\nmaster=true\nprocesses=8 // x\ncheaper=10 // y\nsocket=127.0.0.1:0\n")])
refused("pidfile_with_comment", "--ini", "c.ini", files=[("c.ini", "[uwsgi]\nmaster=true\npidfile=uwsgi.pid // x\nsocket=127.0.0.1:0\n")])
refused("strict", "--strict", "--ini", "s.ini", files=[("s.ini", "[uwsgi]\nsocket=127.0.0.1:0\nnonsense-key=1\n")])
refused("ini_without_section", "--ini", "n.ini:other", "--no-server", files=[("n.ini", "[uwsgi]\nmaster=true\n")])
refused("huge_listen", "--socket", AUTO, "--listen", "100000000")
refused("long_socket_name", "--socket", "x" * 200)
refused("bad_mount", "--socket", AUTO, "--mount", "nonsense")
refused("nothing_to_do")
refused("a_list_alone", "--clock-list", "--clocks-list")
refused("get_what_is_there", "--set", "a=b", "--set", "e=", "--get", "a", "--get", "gone", "--get", "e", "--master", "--get", "master")
refused("show_config_off", "--ini", "o.ini", "--no-server", files=[("o.ini", "[uwsgi]\nshow-config = off\nsocket = 127.0.0.1:0\n")])
refused("strict_off", "--ini", "o.ini", "--no-server", files=[("o.ini", "[uwsgi]\nstrict = false\nsocket = 127.0.0.1:0\nfoo = 1\n")])
refused("dump_options_off", "--ini", "o.ini", "--no-server", files=[("o.ini", "[uwsgi]\ndump-options = no\nsocket = 127.0.0.1:0\n")])
refused("no_server_needs_no_app", "--no-server", "--need-app")


@scenario
def config_busy_port(box):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        box.run("--http-socket", f"127.0.0.1:{taken.getsockname()[1]}", "-M", "--wsgi-file", box.app("hello"))


@scenario
def config_no_server_leaves_sockets_alone(box):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        box.run("--no-server", "--socket", address, "--stats", address, "--wsgi-file", box.app("hello"))
    box.run("--no-server", "--socket", "x.sock", "--http-socket", "/no/such/place.sock", "--lazy-apps")
    box.note("files", sorted(path.name for path in box.directory.iterdir() if path.suffix == ".sock"))


@scenario
def config_no_server_loads_apps(box):
    box.run("--no-server", "--wsgi-file", box.app("hello"))


SHOWN = """\
# a comment
; another
[other]
key = ignored
[uwsgi]
http-socket = 127.0.0.1:0
set = base=/srv
chdir = {dir}
env = A=1
env = B=2
  master   =   true
processes=2
touch = first
pythonpath = %(base)/lib
unknown-key = some value
no-value
wsgi-file = {app}
"""


@scenario
def show_config(box):
    path = box.file("shown.ini", SHOWN.format(dir=box.directory, app=box.app("hello")))
    server = box.serve("--ini", path, "--show-config", "-p", "2")
    text = server.log()
    start, end = text.index(";uWSGI instance configuration"), text.index(";end of configuration")
    box.note("show", text[start:end])
    box.stop(server, "none")


@scenario
def config_from_environment(box):
    server = box.serve("--show-config", ready=False, env={
        "UWSGI_HTTP_SOCKET": AUTO, "UWSGI_MASTER": "1", "UWSGI_WSGI_FILE": box.app("hello"), "UWSGI_BUFFER_SIZE": "8192"})
    server.ready()
    box.get(server, "/")
    box.stop(server, only="=>|http-socket|buffer-size|master = ")


MAGIC = """\
[uwsgi]
http-socket = 127.0.0.1:0
master = 1
set = file=%n
set = full=%p
set = ext=%e
set = dir=%d
set = last=%c
set = mixed=%(file)-%n
set = count=$(COUNT)
print = %(file) %(ext) %(mixed)
print = $(COUNT) @(inc.txt)
wsgi-file = {app}
"""


@scenario
def placeholders_and_magic(box):
    box.file("inc.txt", "included text")
    server = box.serve("--ini", box.file("magic.ini", MAGIC.format(app=box.app("hello"))), "--show-config", env={"COUNT": "7"})
    text = server.log()
    box.note("show", text[text.index(";uWSGI instance"):text.index(";end of conf")])
    box.stop(server, "none")
