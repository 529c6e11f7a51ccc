"""A real Prometheus that scrapes one address every second and may load rules."""

import contextlib
import json
import shutil
import subprocess
import textwrap
import urllib.error
import urllib.parse
import urllib.request

from harness.server import free_port

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: uwsgi
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
{job}"""


@contextlib.contextmanager
def prometheus(target: int, directory, rules="", job="", features=""):
    """Runs one; what it yields answers the first value of an expression, or None. `job`: more lines of YAML about the job."""
    binary = shutil.which("prometheus")
    assert binary, "prometheus is missing: run tests/setup.sh as root"
    port = free_port()
    (directory / "prometheus.yml").write_text(CONFIGURATION.format(port=target, rules=rules, job=textwrap.indent(job, " " * 4)))
    options = [f"--enable-feature={features}"] if features else []
    with open(directory / "prometheus.log", "wb") as log:
        process = subprocess.Popen([binary, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                                    f"--web.listen-address=127.0.0.1:{port}", *options], stdout=log, stderr=log)
    try:
        yield Asked(port)
    finally:
        process.terminate()
        process.wait(20)


class Asked:
    """Its HTTP interface."""

    def __init__(self, port: int):
        self.port = port

    def __call__(self, expression: str):
        """The first value, or None."""
        try:
            result = self.get("query", query=expression)["data"]["result"]
        except OSError:
            return None
        return result[0]["value"][1] if result else None

    def problem(self, expression: str) -> str:
        """Why it cannot be evaluated; nothing when it can."""
        try:
            self.get("query", query=expression)
        except urllib.error.HTTPError as refusal:
            return json.load(refusal)["error"]
        return ""

    def get(self, what: str, **arguments) -> dict:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
