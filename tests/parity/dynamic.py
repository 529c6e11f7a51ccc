"""Applications that requests name."""

import pathlib

from harness import wire

from .box import AUTO
from .scenarios import scenario

LINES = "WSGI app|unable to load|Error|no python application|^loading"


def ask(box, server, **variables):
    pairs = [(k, v) for k, v in wire.basic_vars("/") if k not in variables] + list(variables.items())
    box.exchange(server, " ".join(f"{k}={v}" for k, v in variables.items()), wire.packet(pairs))


@scenario
def dynamic_apps(box):
    file = box.app("named")
    server = box.serve("--socket", AUTO, "-M", "--pythonpath", str(pathlib.Path(file).parent))
    ask(box, server)
    ask(box, server, SCRIPT_NAME="/a", UWSGI_SCRIPT="named:other")
    ask(box, server, SCRIPT_NAME="/a")
    ask(box, server, SCRIPT_NAME="")
    ask(box, server, SCRIPT_NAME="/b", UWSGI_MODULE="named", UWSGI_CALLABLE="other")
    ask(box, server, SCRIPT_NAME="/c", UWSGI_MODULE="nowhere")
    ask(box, server, SCRIPT_NAME="/d", UWSGI_FILE=file, UWSGI_CHDIR="/usr")
    ask(box, server, SCRIPT_NAME="", UWSGI_APPID="key", UWSGI_FILE=file)
    ask(box, server, SCRIPT_NAME="", UWSGI_APPID="key")
    box.stop(server, only=LINES)


@scenario
def dynamic_apps_of_hosts(box):
    file = box.app("named")
    server = box.serve("--socket", AUTO, "-M", "--vhost")
    ask(box, server, HTTP_HOST="one", SCRIPT_NAME="/a", UWSGI_FILE=file)
    ask(box, server, HTTP_HOST="one", SCRIPT_NAME="/a")
    ask(box, server, HTTP_HOST="two", SCRIPT_NAME="/a")
    box.stop(server, only=LINES)


@scenario
def dynamic_apps_beside_a_default(box):
    folder = str(pathlib.Path(box.app("named")).parent)
    server = box.serve("--socket", AUTO, "-M", "--no-default-app", "--pythonpath", folder, "--module", "named:other")
    ask(box, server, SCRIPT_NAME="/z")
    ask(box, server, SCRIPT_NAME="", UWSGI_SCRIPT="named:application")
    ask(box, server, SCRIPT_NAME="/d", UWSGI_MODULE="nowhere")
    box.stop(server, only=LINES)
