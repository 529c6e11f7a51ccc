"""Where the binaries and files under test are; every path may be set by environment."""

import functools
import os
import pathlib
import subprocess

TESTS = pathlib.Path(__file__).resolve().parent.parent
REPO = TESTS.parent
APPS = TESTS / "apps"
CACHE = pathlib.Path(os.environ.get("UWSGI_CACHE", REPO / ".cache"))
VENV = CACHE / "venv"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")) / "release"

OURS = pathlib.Path(os.environ.get("UWSGI_BIN", TARGET / "uwsgi"))
ORIGINAL = pathlib.Path(os.environ.get("PARITY_BIN", CACHE / "parity-venv/bin/uwsgi"))
UWSGITOP = pathlib.Path(os.environ.get("UWSGITOP_BIN", TARGET / "uwsgitop"))
PYPI_UWSGITOP = VENV / "bin/uwsgitop"


@functools.cache
def is_successor(binary: pathlib.Path) -> bool:
    """True for this project's server: only it knows the option `metrics-arena`."""
    done = subprocess.run([binary, "--help"], capture_output=True, timeout=20, check=False)
    return b"--metrics-arena" in done.stdout
