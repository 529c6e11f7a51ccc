"""Pictures of the dashboards for docs/: a server under a varied load, a real Prometheus that scrapes it every second, and every
panel's queries as it answers them. Nothing is made up; run it again after a change of the panels.

    .cache/venv/bin/python tests/tools/panels.py [--seconds 150] [--out docs/dashboards] [NAME ...]
"""

import argparse
import pathlib
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

from harness import dashboards, exhibit  # noqa: E402
from harness.prometheus import prometheus  # noqa: E402
from harness.server import Server, free_port  # noqa: E402
from harness.waiting import until  # noqa: E402
from pictures import board, load  # noqa: E402

#: The pictures show a name, not the port of the day.
RELABEL = "relabel_configs: [{target_label: instance, replacement: web-1}]"
#: Those that are pictured; the reference has a panel for everything and is no picture.
DRAWN = ["uwsgi-overview", "uwsgi-workers", "uwsgi-latency", "uwsgi-kernel", "uwsgi-inside"]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=150)
    words.add_argument("--out", type=pathlib.Path, default=dashboards.paths.REPO / "docs/dashboards")
    words.add_argument("names", nargs="*", default=DRAWN)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(asked, pathlib.Path(place))


def run(asked, place: pathlib.Path) -> None:
    stats, http, *others = (free_port() for _ in range(4))
    server = Server(exhibit.options(place, stats, http, *others, workers=4, harakiri=4), place)
    server.http, server.snmp = ("127.0.0.1", http), others[0]
    try:
        server.ready(4)
        with prometheus(stats, place, job=RELABEL) as query:
            until(lambda: query("uwsgi_up"), "a first scrape", timeout=40)
            crowd = load.Crowd(server, asked.seconds)
            crowd.run()
            end = time.time()
            answers = board.Answers(query, (end - asked.seconds, end), max(1, asked.seconds // 100), "12s")
            asked.out.mkdir(parents=True, exist_ok=True)
            for name in asked.names:
                (asked.out / f"{name}.svg").write_text(board.picture(dashboards.boards()[name], answers))
                print(asked.out / f"{name}.svg")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
