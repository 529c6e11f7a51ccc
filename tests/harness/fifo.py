"""Commands to a master through its FIFO."""

import errno
import os
import pathlib
import stat

from .waiting import until


def send(path, data: bytes) -> None:
    """Write to the FIFO as soon as somebody reads it; never to anything else."""
    fd = until(lambda: _open(path), f"a reader of {path}")
    try:
        assert os.write(fd, data) == len(data)
    finally:
        os.close(fd)


def _open(path):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as e:
        if e.errno in (errno.ENXIO, errno.ENOENT):
            return None
        raise
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def is_fifo(path) -> bool:
    try:
        return pathlib.Path(path).is_fifo()
    except OSError:
        return False


def is_read(path) -> bool:
    """Whether some process has it open for reading."""
    fd = _open(path)
    if fd is None:
        return False
    os.close(fd)
    return True
