"""The tools of net-snmp as clients: what they print, and what they say when they fail."""

import os
import shutil
import subprocess
import tempfile

import pytest

from .waiting import PATIENCE

BRANCH = "1.3.6.1.4.1.35156.17"

needs_tools = pytest.mark.skipif(not shutil.which("snmpget"), reason="the Debian package snmp is not installed")


def run(tool: str, where: str, *names: str, access=("-v2c", "-c", "public"), options=(), timeout=5) -> subprocess.CompletedProcess:
    """One call. No configuration of the machine takes part, no MIB is read, names and types are numbers and words."""
    command = [tool, *access, "-m", "", "-On", "-OQ", "-Oe", "-OT", "-t", str(timeout * PATIENCE), "-r", "0", *options, where, *names]
    with tempfile.TemporaryDirectory() as own:
        # The tools write certificates and counts of starts there, whatever is asked.
        env = {**os.environ, "SNMPCONFPATH": own, "SNMP_PERSISTENT_DIR": own}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60 * PATIENCE)


def get(where: str, *oids: str, **kw) -> list[str]:
    """What `snmpget` prints behind `=` for names of our branch."""
    done = run("snmpget", where, *(f"{BRANCH}.{oid}" for oid in oids), **kw)
    assert done.returncode == 0, done.stderr + done.stdout
    return [line.split(" = ", 1)[1] for line in done.stdout.splitlines()]


def walk(where: str, root: str = BRANCH, tool="snmpwalk", **kw) -> dict[str, str]:
    """Names and values in the order they came."""
    done = run(tool, where, root, **kw)
    assert done.returncode == 0, done.stderr + done.stdout
    lines = (line for line in done.stdout.splitlines() if " = " in line and "No more variables left" not in line)
    return dict(line[1:].split(" = ", 1) for line in lines)
