"""The way of request lines through `log-master`: none is lost, none is doubled, none is out of order.

LOG_LINES is how many there are at least in the test of many (100000).
"""

import collections
import os
import re
import signal
import urllib.parse

import pytest

from harness import load, wire
from harness.waiting import until

pytestmark = pytest.mark.ours  # what the original loses, and when, is its own business

LINES = int(os.environ.get("LOG_LINES", "100000"))
LINE = re.compile(rb"\[pid: (\d+)\|app: 0\|req: (\d+)/\d+\] .* => generated \d+ bytes in \d+ msecs \(HTTP/1\.\d 200\) \d+ headers in \d+ bytes \(\d+ switches on core \d+\)")


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, deeds="alarms", **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "--log-master", "--wsgi-file", app(deeds), "--stats", tmp_path / "s",
                     "--stats-http", *options, **kw)
    return start


def do(server, deed, text=""):
    assert server.get(f"/{deed}?{urllib.parse.quote_plus(text)}").status == 200


def observer_of(server) -> int:
    server.wait_log("spawned uWSGI observer")
    return int(re.findall(r"spawned uWSGI observer \(pid: (\d+)\)", server.log())[-1])


def url(server, path="/") -> str:
    host, port = server.address()
    return f"http://{host}:{port}{path}"


def requests(server) -> int:
    return sum(worker["requests"] for worker in server.stats()["workers"])


def logged(server, key: str) -> int:
    return sum(worker.get("log", {}).get(key, 0) for worker in server.stats()["workers"])


def courses(*texts: bytes) -> dict[int, list[int]]:
    """The number of each request line among those of its worker, in the order of the log."""
    found = collections.defaultdict(list)
    for line in b"".join(texts).splitlines():
        if match := LINE.fullmatch(line):
            found[int(match[1])].append(int(match[2]))
        else:
            assert b"=> generated" not in line and b"[pid: " not in line, f"a line that is not whole: {line!r}"
    return found


def assert_each_once(found: dict[int, list[int]], total: int):
    for pid, numbers in found.items():
        # An application counts on over a reload.
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"worker {pid}: lines lost, doubled or out of order"
    assert sum(map(len, found.values())) == total


def serve_at_least(server, count: int) -> int:
    """Full speed until so many are answered; how many were in the end, by the server's own count."""
    while requests(server) < count:
        load.wrk_result(load.wrk(url(server), 2, 16))
    until(lambda: not any(core["in_request"] for worker in server.stats()["workers"] for core in worker["cores"]), "the last ones")
    return requests(server)


def test_many_lines_arrive_once_and_in_order_whatever_becomes_of_the_file(instance, tmp_path):
    log = tmp_path / "requests.log"
    size = LINES * 120 // 7
    server = instance("--req-logger", f"file:logfile={log},maxsize={size}", "-p", "3", deeds="hello_length")
    served = serve_at_least(server, LINES)
    assert server.stop() == 0
    files = sorted(tmp_path.glob("requests.log.*"), key=lambda path: path.stat().st_mtime_ns) + [log]
    assert len(files) > 3, "the file was changed in between"
    assert_each_once(courses(*[path.read_bytes() for path in files]), served)


def test_many_lines_to_the_log_itself(instance):
    server = instance("-p", "2", deeds="hello_length")
    served = serve_at_least(server, LINES // 10)
    assert server.stop() == 0
    assert_each_once(courses(server.log().encode()), served)


def test_cores_take_turns(instance):
    server = instance("--threads", "4", deeds="hello_length")
    served = serve_at_least(server, LINES // 20)
    assert server.stop() == 0
    found = courses(server.log().encode())
    assert sum(map(len, found.values())) == served


def test_what_a_worker_says_is_written_in_the_order_in_which_it_said_it(instance):
    server = instance()
    observer = observer_of(server)
    for start in (0, 100):
        # Everything is there before it looks.
        os.kill(observer, signal.SIGSTOP)
        for number in range(start, start + 100):
            do(server, "print", f"said {number}\n")
        os.kill(observer, signal.SIGCONT)
    for number in range(200, 300):
        do(server, "print", f"said {number}\n")
    server.wait_log(r"GET /print\?said\+299%0A => ")
    seen = re.findall(r"^said (\d+)$|GET /print\?said\+(\d+)%0A => ", server.log(), re.M)
    expected = [pair for number in range(300) for pair in ((str(number), ""), ("", str(number)))]
    assert seen == expected


def test_an_observer_that_dies_leaves_all_lines_to_the_next(instance):
    server = instance("-p", "2").allow("OOOPS")
    for _ in range(3):
        observer, before = observer_of(server), requests(server)
        os.kill(observer, signal.SIGSTOP)
        for _ in range(100):
            do(server, "nothing")
        do(server, "print", f"after {before}\n")
        os.kill(observer, signal.SIGKILL)
        server.wait_log(f"^after {before}$")
        until(lambda: observer_of(server) != observer and requests(server), "the next one")
    served = requests(server)
    assert server.stop() == 0
    # Each of them stood still, so nothing was half done.
    assert_each_once(courses(server.log().encode()), served)


def test_an_observer_that_is_killed_at_work_loses_nothing(instance):
    server = instance("-p", "2", deeds="hello_length").allow("OOOPS")
    for _ in range(3):
        running = load.wrk(url(server), 2, 8)
        before = len(server.log())
        until(lambda: len(server.log()) > before + 100_000, "lines")
        observer = observer_of(server)
        os.kill(observer, signal.SIGKILL)
        until(lambda: observer_of(server) != observer, "the next one")
        load.wrk_result(running)
    served, lost = requests(server), logged(server, "dropped")
    assert server.stop() == 0
    found = courses(server.log().encode())
    assert sum(len(set(numbers)) for numbers in found.values()) == served - lost
    for numbers in found.values():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), "only what is written again is out of order"


def test_the_last_lines_of_a_killed_worker_are_written(instance):
    server = instance().allow("DAMN", "OOOPS")
    observer, worker = observer_of(server), server.worker_pids()[1]
    os.kill(observer, signal.SIGSTOP)
    for _ in range(20):
        do(server, "nothing")
    do(server, "print", "last words\n")
    # An answer comes before its line; the next one comes after it.
    do(server, "nothing")
    os.kill(worker, signal.SIGKILL)
    server.wait_log("Respawned uWSGI worker 1")
    os.kill(observer, signal.SIGCONT)
    do(server, "print", "and so on\n")
    server.wait_log(r"GET /print\?and")
    log = server.log()
    assert courses(log.encode())[worker] in (list(range(1, 22)), list(range(1, 23)))
    assert log.index("last words\n") < log.index("GET /print?last") < log.index("GET /print?and")


def test_a_full_ring_holds_up_nobody_for_long_and_its_losses_are_counted_and_told(instance):
    server = instance("--log-ring", "16384", "--log-ring-wait", "50")
    observer = observer_of(server)
    os.kill(observer, signal.SIGSTOP)
    for _ in range(300):
        do(server, "nothing")
    os.kill(observer, signal.SIGCONT)
    told = int(server.wait_log(r"\[uwsgi-log\] (\d+) lines of requests of worker 1 found no room on their way to the log and are lost")[1])
    do(server, "after")
    server.wait_log("GET /after")
    lines = [line for line in server.log().splitlines() if "=> generated" in line]
    counts = {key: logged(server, key) for key in ("lines", "bytes", "dropped", "truncated")}
    assert counts["dropped"] == told and told > 100
    assert counts["lines"] == len(lines) == requests(server) - told
    assert counts["bytes"] == sum(len(line) + 1 for line in lines)
    text = wire.raw(server.stats_address(), b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    shown = {name: int(n) for name, n in re.findall(r'^uwsgi_worker_log_(\w+)_total\{worker_id="1"\} (\d+)$', text, re.M)}
    assert shown == counts


def test_the_last_lines_are_written_by_the_master_if_need_be(instance):
    server = instance().allow("OOOPS", "NO MERCY")
    os.kill(observer_of(server), signal.SIGSTOP)
    for _ in range(30):
        do(server, "nothing")
    server.expect = {0}
    assert server.stop(timeout=40) == 0
    [numbers] = courses(server.log().encode()).values()
    # INT ends a worker at once that has answered and not yet said so.
    assert numbers in (list(range(1, 30)), list(range(1, 31)))


def test_a_reload_in_the_middle_loses_no_line(instance):
    server = instance("-p", "2", deeds="hello_length")
    hammer = load.Hammer(server.address(), b"GET / HTTP/1.0\r\n\r\n", b"Hello World", 4000, 4, keep=False)
    hammer.start()
    until(lambda: requests(server) > 1000, "some")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("^spawned uWSGI observer", after=mark, timeout=30)
    hammer.finish()
    served = requests(server)
    assert server.stop() == 0
    assert_each_once(courses(server.log().encode()), served)


def test_an_application_that_writes_much_and_long_lines_is_not_refused(instance):
    """The original gives applications `BlockingIOError` here, and loses nearly all lines."""
    server = instance(deeds="chatter")
    answer = server.get("/?20000")
    assert (answer.status, answer.body) == (200, b"all")
    server.wait_log(r"GET /\?20000 => ", timeout=60)
    numbers = re.findall(r"^long (\d+) x{400}$", server.log(), re.M)
    assert numbers == [str(number) for number in range(20000)]


@pytest.mark.parametrize("stream", [False, True], ids=["packets", "stream"])
def test_a_line_that_is_too_long_is_cut_and_stays_a_line(instance, stream):
    server = instance("--log-master-bufsize", "200", *(["--log-master-stream"] if stream else []))
    do(server, "x" * 300)
    do(server, "short")
    server.wait_log("GET /short")
    line = next(line for line in server.log().splitlines() if "GET /xxx" in line)
    assert line.endswith(" on core 0)") == stream
    assert (len(line) == 199) != stream
    assert logged(server, "truncated") == (0 if stream else 1)
