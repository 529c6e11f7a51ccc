"""Shows which hooks ran, and in which process the app was loaded."""
import atexit
import os
import random
import sys
import threading
import uwsgi

seen = []
os.register_at_fork(before=lambda: seen.append("before"),
                    after_in_child=lambda: seen.append("child"))
uwsgi.post_fork_hook = lambda: seen.append("hook")
uwsgi.atexit = lambda: print("uwsgi atexit", uwsgi.worker_id())
atexit.register(lambda: print("python atexit"))
random.seed(1)
after_seed = random.random()
random.seed(1)
loader = os.getpid()


def application(environ, start_response):
    start_response("200 OK", [])
    facts = {
        "seen": seen,
        "reseeded": random.random() != after_seed,
        "forked": os.getpid() != loader,
        "thread": threading.current_thread().name,
        "interp": id(sys.modules),
    }
    return [repr(facts).encode()]
