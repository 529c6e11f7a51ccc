"""Commands through the master's FIFO: what each makes the log say and the processes do."""

from harness import fifo, wire
from harness.manager import Notices
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario


def start(box, *options, slots=1, app="wires"):
    paths = [part for n in range(slots) for part in ("--master-fifo", box.directory / f"fifo{n}")]
    server = box.serve("--http-socket", AUTO, "-M", *paths, *options, "--wsgi-file", box.app(app))
    until(lambda: fifo.is_read(box.directory / "fifo0"), "the FIFO")
    return server


def command(name, byte, *options, until_line, order="ordered", after=None, ends=False):
    """Write a byte, wait for a line, note what the log says from then on."""

    def run(box):
        server = start(box, *options)
        mark = server.mark()
        fifo.send(box.directory / "fifo0", byte)
        server.wait_log(until_line, after=mark)
        if ends:
            box.note("exit", server.wait_exit())
        else:
            server.settle()
            server.quiet()
        lines = box.normal.lines(server.log()[mark:])
        box.seen += [f"log| {line}" for line in (sorted(lines) if order == "sorted" else lines)]
        if after:
            after(box, server, mark)
        if not ends:
            box.stop(server, "none")

    run.__name__ = f"fifo_{name}"
    scenario(run)


def still_serves(box, server, mark):
    box.wire("after", wire.raw(server.address(), wire.request_bytes(path="/length")))


command("report", b"s", "-p", "2", until_line=r"worker 2 app 0 \[\] requests: 0 exceptions: 0\n-----------------", after=still_serves)
command("stop", b"Q", "-p", "2", until_line="goodbye to uWSGI", ends=True)
command("unmapped", b"xyz\n \x00s", until_line="workers total requests")
command("subscriptions", b"SS\n", until_line="subscriptions re-enabled")
command("reload", b"r", "-p", "2", until_line="^spawned uWSGI worker 2 ", order="sorted")
command("reload_brutally", b"R", "-p", "2", until_line="^spawned uWSGI worker 2 ", order="sorted")


command("cheap", b"C", "-p", "2", until_line="cheap mode enabled: waiting for socket connection", order="sorted")


@scenario
def fifo_pause(box):
    server = start(box, "-p", "2")
    for line in (r"\*\*\* worker {} suspended", r"\*\*\* worker {} resumed"):
        mark = server.mark()
        fifo.send(box.directory / "fifo0", b"p")
        for worker in (1, 2):
            server.wait_log(line.format(worker), after=mark)
        box.seen += [f"log| {text}" for text in sorted(box.normal.lines(server.log()[mark:]))]
        until(lambda: fifo.is_read(box.directory / "fifo0"), "the FIFO")
    still_serves(box, server, 0)
    box.stop(server, "none")


@scenario
def fifo_slots(box):
    server = start(box, slots=2)
    for slot, there, then in ((b"1", "fifo0", "fifo1"), (b"0", "fifo1", "fifo0"), (b"7", "fifo0", "fifo0")):
        mark = server.mark()
        fifo.send(box.directory / there, slot)
        server.wait_log("active master fifo is now", after=mark)
        until(lambda name=then: fifo.is_read(box.directory / name), then)
        box.note("log", server.log()[mark:])
    box.stop(server, "none")


@scenario
def fifo_mode(box):
    server = start(box)
    box.note("file", oct((box.directory / "fifo0").stat().st_mode))
    box.stop(server, "none")


@scenario
def fifo_without_an_emperor(box):
    server = start(box)
    mark = server.mark()
    fifo.send(box.directory / "fifo0", b"B")
    server.wait_log("broodlord", after=mark)
    box.note("log", server.log()[mark:])
    box.stop(server, "none")


@scenario
def notices_of_a_start(box):
    """The original does not get a notice through after a reload."""
    told = Notices(box.directory / "notify")
    try:
        server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.app("wires"), env={"NOTIFY_SOCKET": told.name})
        told.wait("READY=1")
        both = ("STATUS=initializing uWSGI\n", "STATUS=uWSGI is ready\nREADY=1\n")
        box.note("notices", [text for text in told.look() if text in both])
        box.stop(server, "none")
    finally:
        told.close()
