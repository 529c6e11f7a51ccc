"""Processes of a test: the tree of a server, strays, zombies, cpu time and memory, all from /proc."""

import ctypes
import os
import pathlib
import signal

CLOCK = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Orphans of any server we start come to this process, so none can hide."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from `state` on, or None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def children(pid: int) -> list[int]:
    """Living and zombie children of `pid`."""
    found: list[int] = []
    for task in _ids(f"/proc/{pid}/task"):
        try:
            found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def tree(pid: int) -> list[int]:
    """`pid` and everything below it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children(found[-1])
    return found


def zombies(pid: int) -> list[int]:
    return [p for p in tree(pid) if (stat(p) or [""])[0] == "Z"]


def command_line(pid: int) -> str:
    """Its words with blanks between them; nothing of a process that has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    fields = stat(pid)
    return fields is not None and fields[0] not in "ZX"


def kill_quietly(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree, with that of children it has already buried."""
    ticks = 0
    for member in tree(pid):
        if fields := stat(member):
            ticks += sum(map(int, fields[11:15]))  # utime stime cutime cstime
    return ticks / CLOCK


def precise_cpu_seconds(pid: int) -> float:
    """On-CPU time of every thread of the tree, in the kernel's nanoseconds (schedstat)."""
    total = 0
    for member in tree(pid):
        for task in _ids(f"/proc/{member}/task"):
            try:
                total += int(pathlib.Path(f"/proc/{member}/task/{task}/schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total / 1e9


def pss_kib(pid: int, kind: str = "Pss") -> int:
    """Proportional set size of the tree in KiB; with "Pss_Anon" without files, whoever else maps them."""
    total = 0
    for member in tree(pid):
        try:
            for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith(f"{kind}:"):
                    total += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total


def ignores(pid: int, number: int) -> bool:
    """Whether the process ignores a signal; a server that still starts ignores HUP."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    mask = next(line.split()[1] for line in text.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) & (1 << (number - 1)))


# Calls a thread waits in when it has nothing to do (x86_64 and aarch64 numbers of epoll, futex, poll, select).
WAITING = {"232", "281", "441", "202", "7", "270", "271", "22", "98", "72", "73"}


def waiting(pid: int) -> bool:
    """Whether every thread of the process waits for work (or has ended)."""
    if not alive(pid):
        return True
    for task in _ids(f"/proc/{pid}/task"):
        try:
            if pathlib.Path(f"/proc/{pid}/task/{task}/syscall").read_text().split()[0] not in WAITING:
                return False
        except (FileNotFoundError, ProcessLookupError):
            continue
    return True


def open_fds(pid: int) -> int:
    return len(_ids(f"/proc/{pid}/fd"))


def _ids(directory: str) -> list[int]:
    try:
        return [int(name) for name in os.listdir(directory)]
    except (FileNotFoundError, ProcessLookupError):
        return []
