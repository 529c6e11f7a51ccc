"""Hooks: what the log says of them, what their actions leave behind, and how a start that they end ends."""

import stat

from .box import AUTO
from .scenarios import scenario

# Lines about hooks; what else a start says is compared elsewhere.
LINES = r"^(running|command|\d+ said|said|waiting for|.* found|un-?mounting|mounting|unable to (call|find)|writing \"|.*FATAL|hook action|invalid hook|interface)"


@scenario
def hooks_of_a_start_and_an_end(box):
    options = [arg for phase in ("asap", "pre-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app", "as-user-atexit")
               for arg in (f"--hook-{phase}", f"print:said at {phase}", f"--exec-{phase}", f"true {phase}")]
    server = box.serve("--http-socket", AUTO, "-M", "--drop-after-apps", "--file-write", "written=text", *options)
    box.stop(server, only=LINES)


@scenario
def hooks_of_a_worker(box):
    options = [arg for phase in ("post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once")
               for arg in (f"--hook-{phase}", f"print:said at {phase}")]
    server = box.serve("--http-socket", AUTO, "-M", *options)
    box.stop(server, only=LINES)


@scenario
def hooks_of_the_master(box):
    server = box.serve("--http-socket", AUTO, "-M", "--hook-master-start", "print:said first", "--hook-master-start", "safeexec:exit 4",
                       "--hook-master-start", "!exec:true secret", "--hook-as-user-atexit", "exec:exit 3", "--hook-as-user-atexit", "print:said last")
    server.wait_log("PRIVATE")
    box.stop(server, only=LINES)


@scenario
def hooks_of_a_mule(box):
    server = box.serve("--http-socket", AUTO, "-M", "--mule", "--hook-as-mule", "print:said by a mule")
    server.wait_log("^said by a mule$")
    box.stop(server, only=LINES)


ACTIONS = ["mkdir:d", "cd:d", "create:made", "writen:lines one", "appendn:lines two words", "append:lines thr", "append:lines ee", "appendn:lines",
           "write:short x", "creat:gone", "unlink:gone", "chmod:made 640", "chdir:..", "write:up 1", "putenv:WHO=me", "exec:echo $WHO > who",
           "callret:chdir d", "create:called", "callret:chdir ..", "callint:umask 63", "create:masked", "wait_for_fs:d", "log:said"]


@scenario
def hooks_leave_the_same_files(box):
    server = box.serve("--http-socket", AUTO, "-M", *[arg for action in ACTIONS for arg in ("--hook-asap", action)])
    box.stop(server, only=LINES)
    for path in sorted(box.directory.rglob("*")):
        if path.suffix != ".log" and path.is_file():
            box.note("file", f"{path.relative_to(box.directory)} {stat.S_IMODE(path.stat().st_mode):o} {path.read_text()!r}")


@scenario
def hooks_that_end_a_start(box):
    for options in (["--hook-asap", "exec:exit 7"], ["--exec-asap", "exit 7"], ["--hook-asap", "nope:x"], ["--hook-asap", "exec"],
                    ["--call-asap", "no_such"], ["--hook-asap", "call:no_such"], ["--mount-asap", "a b /c bogus"], ["--umount-asap", "/c bogus"],
                    ["--hook-asap", "exit:42"], ["--hook-asap", "mkdir:/"], ["--hook-asap", "chdir:/no/such"], ["--hook-pre-app", "exec:false"],
                    ["--hook-as-user", "exec:false", "--drop-after-apps"], ["--wait-for-fs", "/no/such", "--wait-for-fs-timeout", "1"],
                    ["--call-post-app", "no_such", "--no-server"], ["--hook-asap", "safeexec:false", "--no-server"],
                    ["--hook-asap", "writefifo:/no/such x", "--no-server"]):
        box.run("--http-socket", AUTO, *options, show=False)
