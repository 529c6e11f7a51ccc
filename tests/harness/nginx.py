"""nginx around the `server` of a page."""

import shutil
import signal

from .fronts import Front


class Nginx(Front):
    kind = "nginx"
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    stops = signal.SIGQUIT

    def whole(self, block: str) -> str:
        block = block.replace("listen 80;", f"listen 127.0.0.1:{self.port};").replace("uwsgi_params", "/etc/nginx/uwsgi_params")
        paths = "\n".join(f"    {kind}_temp_path {self.directory}/{kind};" for kind in ("client_body", "proxy", "uwsgi", "fastcgi", "scgi"))
        return (f"daemon off;\nmaster_process off;\npid {self.directory}/nginx.pid;\nerror_log {self.directory}/nginx.error warn;\n"
                f"events {{ worker_connections 256; }}\nhttp {{\n    access_log off;\n{paths}\n{block}}}\n")

    def command(self) -> list:
        return [self.binary, "-p", self.directory, "-c", self.config, "-e", self.directory / "nginx.start"]
