"""What a server needs that becomes another user: files and an interpreter that everybody may read."""

import contextlib
import pathlib
import shutil
import tempfile

from . import paths

# The system's interpreter: the one of the tests may lie where only their user looks.
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@contextlib.contextmanager
def place(mode: int = 0o755, app: str | None = None):
    """A directory with these rights, and in it an application; not below one that is the tests' alone."""
    with tempfile.TemporaryDirectory(prefix="everybody-") as name:
        directory = pathlib.Path(name)
        directory.chmod(mode)
        if app:
            shutil.copy(paths.APPS / f"{app}.py", directory)
        yield directory


def starter(uwsgi, directory, *always):
    """`start(*options)`: a server in that directory, with `always` in front of its options."""
    def start(*options, **kw):
        return uwsgi(*always, *options, cwd=directory, env=ENVIRONMENT, **kw)
    return start
