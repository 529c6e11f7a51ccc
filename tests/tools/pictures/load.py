"""Visitors of the exhibit: quiet at first, then a crowd, then pages that fail and hang; and a reload at the end."""

import os
import random
import signal
import threading
import time

from harness import wire
from parity import snmp

PAGES = [("/shop/", 10), ("/shop/work?ms=8", 6), ("/shop/slow?ms=40", 5), ("/shop/big?kb=300", 2), ("/admin/slow?ms=180", 2),
         ("/admin/work?ms=30", 2), ("/shop/missing", 1), ("/leak?kb=96", 2)]
VISITORS = 5


class Crowd:
    """Threads that ask one page after the other; how many of them are awake follows the clock."""

    def __init__(self, server, seconds: float):
        self.server, self.seconds = server, seconds
        self.over = threading.Event()
        self.begin = time.time()
        self.threads = [threading.Thread(target=self.visit, args=(n,), daemon=True) for n in range(VISITORS * 5)]

    def share(self) -> float:
        return (time.time() - self.begin) / self.seconds

    def awake(self) -> int:
        at = self.share()
        if 0.35 < at < 0.5:
            return VISITORS * 5
        return VISITORS if at > 0.15 else 3

    def visit(self, number: int) -> None:
        dice = random.Random(number)
        while not self.over.is_set():
            if number >= self.awake():
                self.over.wait(0.2)
                continue
            page = dice.choices([name for name, _ in PAGES], [weight for _, weight in PAGES])[0]
            if 0.6 < self.share() < 0.72 and dice.random() < 0.12:
                page = "/shop/error"
            self.ask(page)
            self.over.wait(dice.uniform(0.005, 0.06))

    def ask(self, page: str) -> None:
        try:
            wire.http(self.server.http, page, timeout=20)
        except (OSError, EOFError):
            self.over.wait(0.3)

    def run(self) -> None:
        """Until the time is over. Two pages hang until harakiri ends them; later comes a reload, and mules have work."""
        for thread in self.threads:
            thread.start()
        hung = reloaded = False
        while self.share() < 1:
            self.over.wait(0.5)
            self.ask("/mule")
            snmp.get(self.server.snmp, b"public" if self.share() < 0.8 else b"guess", "1.1", patience=0.1)
            wire.http(self.server.address(), "/shop/") if not reloaded else None
            if self.share() > 0.65 and not hung:
                hung = True
                for _ in range(2):
                    threading.Thread(target=self.ask, args=("/admin/slow?ms=60000",), daemon=True).start()
            if self.share() > 0.82 and not reloaded:
                reloaded = True
                os.kill(self.server.pid, signal.SIGHUP)
        self.over.set()
        for thread in self.threads:
            thread.join(30)
