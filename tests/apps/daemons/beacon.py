"""A daemon that tells what happens to it: `beacon.py JOURNAL [word ...]`.

Each line of the journal is a word and the process id. Words: `stubborn` heeds no TERM, `own PIDFILE` goes into the
background and writes its pid, `late PIDFILE SECONDS` writes it only after a while, `exit CODE` ends at once,
`serve SOCKET` answers on a unix socket, `look` tells of its surroundings.
"""

import os
import signal
import socket
import sys
import threading
import time


def note(word: str) -> None:
    with open(journal, "a") as file:
        file.write(f"{word} {os.getpid()}\n")


def into_the_background() -> None:
    for _ in range(2):
        if os.fork():
            os._exit(0)
        os.setsid() if os.getsid(0) != os.getpid() else None


def look() -> None:
    note("fds=" + ",".join(sorted(os.listdir("/proc/self/fd"))[:-1]))
    note(f"stdin={os.readlink('/proc/self/fd/0')}")
    note(f"cwd={os.getcwd()}")
    note(f"ids={os.getuid()}:{os.getgid()}:{','.join(map(str, os.getgroups()))}")
    note(f"session={os.getsid(0) == os.getppid() or os.getsid(0) == os.getpid()}")
    note(f"env={os.environ.get('BEACON')}")
    with open("/proc/self/status") as status:
        masks = [line.split()[1] for line in status if line.startswith(("SigBlk", "SigIgn"))]
    # Python itself ignores PIPE and XFSZ.
    note(f"masks={int(masks[0], 16):x}:{int(masks[1], 16) & ~(1 << 12 | 1 << 24):x}")


def write(path: str) -> None:
    with open(path, "w") as file:
        file.write(f"{os.getpid()}\n")


def serve(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            listener.accept()[0].close()


journal, words = sys.argv[1], sys.argv[2:]
if words[:1] == ["own"]:
    into_the_background()
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
    name = signal.Signals(number).name[3:].lower()
    ends = not (number == signal.SIGHUP or "stubborn" in words)

    def handler(_number, _frame, name=name, ends=ends):
        note(name)
        if ends:
            os._exit(0)

    signal.signal(number, handler)
if words[:1] == ["own"]:
    write(words[1])
note("start")
print("beacon is lit", flush=True)
if "look" in words:
    look()
if words[:1] == ["exit"]:
    sys.exit(int(words[1]))
if words[:1] == ["serve"]:
    threading.Thread(target=serve, args=(words[1],), daemon=True).start()
if words[:1] == ["late"]:
    time.sleep(float(words[2]))
    write(words[1])
while True:
    signal.pause()
