"""Probes in the kernel: whether they can be tried here, and reading what they count."""

import os
import pathlib

import pytest
from prometheus_client.parser import text_string_to_metric_families

from . import wire
from .waiting import until

CAN = os.geteuid() == 0 and pathlib.Path("/sys/kernel/btf/vmlinux").exists()
needs_probes = pytest.mark.skipif(not CAN, reason="probes in the kernel need root and /sys/kernel/btf/vmlinux")


def numbers(server) -> dict:
    """Every sample of the metrics page of a server with `--stats ... --stats-http`: {(name, labels): value}."""
    text = wire.http(server.stats_address(), "/metrics").body.decode()
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return {(s.name, frozenset(s.labels.items())): s.value for s in samples}


def sample(server, name: str, /, **labels) -> float:
    """The sum of the samples of this name that have these labels."""
    wanted = {(k, str(v)) for k, v in labels.items()}
    return sum(value for (own, have), value in numbers(server).items() if own == name and wanted <= have)


def attached(server, *names: str) -> None:
    """Wait until the log says that these probes work."""
    line = server.wait_log(r"probes in the kernel: (.*)$").group(1)
    assert set(names) <= set(line.split(";")[0].split(", ")), line


def eventually(server, name: str, at_least: float, /, timeout: float = 10.0, **labels) -> float:
    """Wait until a sum of samples reaches `at_least`; its value."""
    def look():
        value = sample(server, name, **labels)
        return value if value >= at_least else None

    return until(look, f"{name} {labels} of at least {at_least}", timeout)
