"""A real Prometheus that scrapes one address every second."""

import contextlib
import json
import shutil
import subprocess
import urllib.request

from harness.server import free_port

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: uwsgi
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@contextlib.contextmanager
def prometheus(target: int, directory):
    """Runs one; what it yields answers the first value of an expression, or None."""
    binary = shutil.which("prometheus")
    assert binary, "prometheus is missing: run tests/setup.sh as root"
    port = free_port()
    (directory / "prometheus.yml").write_text(CONFIGURATION.format(port=target))
    with open(directory / "prometheus.log", "wb") as log:
        process = subprocess.Popen([binary, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        yield lambda expression: query(port, expression)
    finally:
        process.terminate()
        process.wait(20)


def query(port: int, expression: str):
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
    except OSError:
        return None
    return result[0]["value"][1] if result else None
