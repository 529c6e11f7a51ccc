"""lighttpd around the settings of a page."""

import shutil
import signal

from .fronts import Front


class Lighttpd(Front):
    kind = "lighttpd"
    binary = shutil.which("lighttpd") or "/usr/sbin/lighttpd"
    stops = signal.SIGINT

    def whole(self, block: str) -> str:
        return (f'server.bind = "127.0.0.1"\nserver.port = {self.port}\nserver.document-root = "{self.directory}"\n'
                f'server.upload-dirs = ( "{self.directory}" )\nserver.errorlog = "{self.directory}/lighttpd.error"\n'
                f"server.modules = ()\n{block}")

    def command(self) -> list:
        return [self.binary, "-D", "-f", self.config]
