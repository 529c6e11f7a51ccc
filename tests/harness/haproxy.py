"""HAProxy around the sections of a page."""

import shutil
import signal

from .fronts import Front


class Haproxy(Front):
    kind = "haproxy"
    binary = shutil.which("haproxy") or "/usr/sbin/haproxy"
    stops = signal.SIGTERM

    def whole(self, block: str) -> str:
        return ("global\n    nbthread 1\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n"
                + block.replace("bind :80", f"bind 127.0.0.1:{self.port}"))

    def command(self) -> list:
        return [self.binary, "-db", "-f", self.config]
