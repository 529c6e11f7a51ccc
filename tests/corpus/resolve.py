"""Asks a server what a configuration becomes, without a start."""

import functools
import subprocess

from harness import paths
from harness.server import plain_environment

OWN = ("check = true", "show-config = true")


def run(*args, cwd, env=None, stdin="") -> tuple[int, str]:
    """A command that ends by itself: exit code and everything it wrote."""
    done = subprocess.run([paths.OURS, *map(str, args)], input=stdin, capture_output=True, text=True, errors="replace",
                          timeout=60, cwd=cwd, env={**plain_environment(), **(env or {})}, check=False)
    return done.returncode, done.stdout + done.stderr


def listed(text: str) -> list[str]:
    """The lines of the list in what `--show-config` printed, without the options that made it."""
    assert ";end of configuration" in text, text[-2000:]
    head = text.index(";uWSGI instance configuration\n")
    lines = text[text.index("[uwsgi]\n", head):text.index(";end of configuration")].splitlines()[1:]
    return [line for line in lines if line not in OWN]


def resolved(*args, **kw) -> list[str]:
    """The list of options that arguments become; they must be accepted."""
    code, text = run("--check", "--show-config", *args, **kw)
    assert code == 0, text[-2000:]
    return listed(text)


@functools.cache
def pending() -> frozenset[str]:
    """Names of options that this build knows and does not act on."""
    code, text = run("--option-status", cwd="/")
    assert code == 0
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return frozenset(row[0] for row in rows if row[-1] == "pending")
