"""Alarms: what the log says of them, and what is refused."""

from .box import AUTO
from .scenarios import scenario


@scenario
def alarm_lines(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.app("alarms"), "--alarm", "a log:PFX", "--alarm", "b log:",
                       "--alarm", "c cmd:cat > /dev/null; exit 3")
    for query in ("a%3Dhi", "a%3Dhi", "a%3Dother", "b%3Dhi", "nobody%3Dhi"):
        box.get(server, f"/alarm?{query}")
    server.wait_log("ALARM: hi")
    box.get(server, "/alarm?c%3Dhi")
    server.wait_log(r"subprocess \d+ exited with code 3")
    box.stop(server, "sorted", only="ALARM")


@scenario
def alarm_faults(box):
    for value in ("x nope:1", "x", "x cmd", "x  cmd:y", "x :y"):
        box.run("--http-socket", "127.0.0.1:0", "-M", "--alarm", value, show=False)
