"""Thresholds in the form both know: who is paged, what is written, what is refused."""

import re

from harness import wire
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario


def ask(server, expression: str) -> str:
    """Digits of what an expression of the module gives; one server answers text, the other bytes."""
    return wire.http(server.address(), f"/?__import__('uwsgi').{expression}").body.decode()


def instance(box, *definitions):
    options = [word for text in definitions for word in ("--metric-alarm", text)]
    return box.serve("--http-socket", AUTO, "-M", "--metric", "mine", "--alarm", "lg log:", "--alarm", "pre log:PRE",
                     *options, "--wsgi-file", box.app("probe"))


def finish(box, server):
    box.note("alarm", "\n".join(re.findall(r"ALARM: .*", server.log())))
    box.stop(server, only="threshold for metric|initialized .* metrics|custom metric")


@scenario
def threshold_alarm_and_default_message(box):
    server = instance(box, "key=worker.0.requests,value=2,alarm=lg,rate=1000", "key=mine,value=100,alarm=lg")
    box.get(server, "/?1")
    box.get(server, "/?2")
    server.wait_log("ALARM: ")
    finish(box, server)


@scenario
def threshold_reset(box):
    server = instance(box, r"key=mine,value=5,reset=-2,alarm=lg,rate=1000,msg=too much\, really", "key=mine,value=-100,reset=1")
    box.note("set", ask(server, "metric_set('mine',9)"))
    until(lambda: ask(server, "metric_get('mine')") == "1", "both resets, the second last")
    server.wait_log("ALARM: ")
    finish(box, server)


@scenario
def thresholds_of_one_metric_in_order(box):
    server = instance(box, "key=mine,value=3,alarm=pre,rate=1000,msg=first", "key=mine,value=1,alarm=lg,rate=1000,msg=second",
                      "key=mine,value=50,alarm=lg", "key=mine,value=2,alarm=nosuch")
    ask(server, "metric_set('mine',3)")
    server.wait_log("ALARM: second")
    finish(box, server)


@scenario
def threshold_on_an_alias(box):
    server = box.serve("--http-socket", AUTO, "-M", "--metric", "mine", "--metric", "name=other,type=alias,alias=mine", "--alarm",
                       "lg log:", "--metric-threshold", "key=other,value=4,alarm=lg,rate=1000", "--wsgi-file", box.app("probe"))
    ask(server, "metric_set('mine',4)")
    server.wait_log("ALARM: ")
    finish(box, server)


def refusal(name, text):
    """Both end with the same exit code and the same line."""
    def run(box):
        code = box.run("--http-socket", AUTO, "-M", "--need-app", "--metric-threshold", text, show=False)
        assert code == 1
    run.__name__ = name
    scenario(run)


for name, text in [("without_key", "value=3"), ("without_value", "key=worker.0.requests"), ("of_nothing", "x"),
                   ("unknown", "key=nosuch,value=3"), ("of_a_worker_too_many", "key=worker.9.requests,value=3")]:
    refusal(f"threshold_{name}", text)
