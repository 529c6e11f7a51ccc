"""Apache around the directives of a page."""

import os
import shutil
import signal

from .fronts import Front


class Apache(Front):
    kind = "apache"
    binary = shutil.which("apache2") or "/usr/sbin/apache2"
    stops = signal.SIGTERM

    def whole(self, block: str) -> str:
        modules = {"mpm_event": "mpm_event", "authz_core": "authz_core", "env": "env", "proxy": "proxy"}
        loads = "".join(f"LoadModule {name}_module modules/mod_{file}.so\n" for name, file in modules.items())
        # It refuses to work as root.
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        return (f"ServerRoot /usr/lib/apache2\nServerName localhost\nListen 127.0.0.1:{self.port}\nPidFile {self.directory}/apache.pid\n"
                f"ErrorLog {self.directory}/apache.error\nDefaultRuntimeDir {self.directory}\nMutex posixsem\n{user}"
                f"StartServers 1\nMinSpareThreads 5\nMaxSpareThreads 50\nServerLimit 2\nThreadsPerChild 25\nMaxRequestWorkers 50\n{loads}{block}")

    def command(self) -> list:
        return [self.binary, "-DFOREGROUND", "-f", self.config]
