"""Waiting for conditions: the only way time enters a test.

`until` asks a question again and again until it is answered or a deadline passes.
The pause between two questions is pacing, never a guess of how long something takes.
"""

import os
import time

PATIENCE = float(os.environ.get("TEST_PATIENCE", "1"))
PACE = 0.01


def until(question, what: str, timeout: float = 10.0):
    """Return the first truthy answer of `question()`; fail naming `what` at the deadline."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout * PATIENCE:g} s for {what}")
        time.sleep(PACE)
