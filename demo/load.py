"""A light, bounded load: a few dozen requests per second over the pages of the demo, until ended."""

import http.client
import itertools
import random
import sys
import time

PAGES = [("GET", "/fast")] * 12 + [("GET", "/")] * 4 + [("GET", "/stream")] * 2 + [("GET", "/slow?ms=150"), ("GET", "/missing"),
                                                                                   ("POST", "/upload")]
PER_SECOND = 40


def main(host: str, port: int, until: float) -> None:
    dice = random.Random(1)
    for number in itertools.count():
        if until and time.monotonic() > until:
            return
        method, path = ("GET", "/error") if number % 200 == 199 else dice.choice(PAGES)
        try:
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request(method, path, body=b"x" * dice.randrange(1, 20000) if method == "POST" else None)
            connection.getresponse().read()
            connection.close()
        except OSError as problem:
            print(f"load: {problem}", file=sys.stderr)
            time.sleep(1)
        time.sleep(1 / PER_SECOND)


if __name__ == "__main__":
    try:
        seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0
        main(sys.argv[1], int(sys.argv[2]), time.monotonic() + seconds if seconds else 0)
    except KeyboardInterrupt:
        pass
