"""Metrics of applications, counted in memory that all processes of the server share.

What one worker counts, every worker, `/metrics` and a reloaded server see; a worker that dies takes
nothing along. A metric may be made before the fork or after it. Runs in the namespace of the module,
which holds the native types already: `_Counter`, `_Gauge`, `_Histogram`, `_Value`.
"""
import re
import threading
from functools import wraps
from time import perf_counter, time as _now

__all__ = ["Counter", "Gauge", "Histogram", "Timer", "ArenaCollector", "install"]

_COUNTER, _GAUGE, _HISTOGRAM, _SUMMARY, _INFO, _STATESET = range(6)
_MODES = ("shared", "all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum", "mostrecent", "livemostrecent")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*\Z")
_NOWHERE = 2 ** 32 - 1

# Whole name to definition: one name means one thing, in one interpreter and beyond.
_made = {}


class _Metric:
    """What all kinds have in common: a name, and series by label values."""

    __slots__ = ()
    _reserved = None

    def _open(self, name, help, labels, unit, mode=0, bounds=()):
        what = type(self).__name__.lower()
        if not isinstance(name, str) or not isinstance(help, str):
            raise TypeError(f"{what} {name!r}: name and help must be str")
        if unit is not None and not isinstance(unit, str):
            raise TypeError(f"{what} {name}: the unit must be str, not {unit!r}")
        if isinstance(labels, (str, bytes)):
            raise TypeError(f"{what} {name}: labels must be a sequence of names, not {labels!r}")
        labels = tuple(labels)
        if self._kind == _COUNTER and name.endswith("_total"):
            name = name[:-6]
        if unit and not name.endswith("_" + unit):
            name = f"{name}_{unit}"
        if not _NAME.match(name) or len(name) > 128:
            raise ValueError(f"{what} {name!r}: the name must be letters, digits, underscores and colons, at most 128")
        for label in labels:
            if not isinstance(label, str) or not _LABEL.match(label) or label == self._reserved:
                raise ValueError(f"{what} {name}: {label!r} cannot be a label")
        if len(set(labels)) != len(labels):
            raise ValueError(f"{what} {name}: a label occurs twice in {labels!r}")
        definition = (self._kind, labels, mode, bounds)
        if _made.get(name, definition) != definition:
            raise ValueError(f"{what} {name}: a metric of this name has another kind, other labels or other buckets")
        self.name, self.labelnames = name, labels
        self._family = _family(name, help, unit or "", self._kind, mode, labels, bounds)
        # Only now: what was refused may be tried again in another way.
        _made.setdefault(name, definition)
        self._children = {} if labels else None
        if not labels:
            self._join(())

    def _join(self, values):
        return self._bind(_NOWHERE if self._family is None else self._family, values)

    def labels(self, *values, **named):
        """The series with these label values, made when it is asked for the first time."""
        if not named:
            try:
                return self._children[values]
            except (KeyError, TypeError):
                pass
        values = self._values(values, named)
        child = self._children.get(values)
        return child if child is not None else self._child(values)

    def _values(self, values, named):
        what = f"{type(self).__name__.lower()} {self.name}"
        if self._children is None:
            raise ValueError(f"{what}: it has no labels" if not self.labelnames else f"{what}: its labels are chosen already")
        if named:
            if values:
                raise ValueError(f"{what}: label values come either by place or by name")
            if named.keys() != set(self.labelnames):
                raise ValueError(f"{what}: its labels are {', '.join(self.labelnames)}, not {', '.join(named)}")
            values = [named[label] for label in self.labelnames]
        if len(values) != len(self.labelnames):
            raise ValueError(f"{what}: {len(values)} values for the labels {', '.join(self.labelnames)}")
        return tuple(map(str, values))

    def _child(self, values):
        child = type(self).__new__(type(self))
        child.name, child.labelnames, child._family, child._children = self.name, self.labelnames, self._family, None
        if self._kind == _HISTOGRAM:
            child.bounds = self.bounds
        child._join(values)
        return self._children.setdefault(values, child)

    def remove(self, *values, **named):
        """Takes a series out of sight and back to zero, in all processes, until it is asked for again."""
        values = self._values(values, named)
        self.labels(*values)._remove()
        self._children.pop(values, None)

    def __repr__(self):
        return f"<uwsgi_metrics.{type(self).__name__} {self.name}>"


class Counter(_Metric, _Counter):
    """A number that only grows: `inc(amount=1)`, `value`."""

    __slots__ = ("name", "labelnames", "_family", "_children")
    _kind = _COUNTER

    def __init__(self, name, help, labels=(), unit=None):
        self._open(name, help, labels, unit)

    @property
    def value(self):
        """The count over all processes."""
        return self.get()


class Gauge(_Metric, _Gauge):
    """A number that goes up and down: `inc`, `dec`, `set`, `value`.

    All processes share one value; with `per_worker` each worker has its own, which goes with it. `mode` is one of the modes
    of prometheus_client for those who want the largest, the sum and so on.
    """

    __slots__ = ("name", "labelnames", "_family", "_children")
    _kind = _GAUGE

    def __init__(self, name, help, labels=(), unit=None, per_worker=False, mode=None):
        mode = mode or ("liveall" if per_worker else "shared")
        if mode not in _MODES:
            raise ValueError(f"gauge {name}: {mode!r} is no mode, but one of {', '.join(_MODES)} is")
        self._open(name, help, labels, unit, mode=_MODES.index(mode))

    @property
    def value(self):
        """The value; of a gauge that each worker has for itself, that of this one."""
        return self.get()

    def set_to_current_time(self):
        """Sets it to the seconds since the epoch."""
        self.set(_now())

    def track_inprogress(self):
        """A context manager and decorator that adds one while the block runs."""
        return _Around(lambda: self.inc() or self, Gauge.dec)


class Histogram(_Metric, _Histogram):
    """Counts values in buckets: `observe(value)`, `time()`."""

    __slots__ = ("name", "labelnames", "_family", "_children", "bounds")
    _kind = _HISTOGRAM
    _reserved = "le"
    DEFAULT_BUCKETS = (.005, .01, .025, .05, .075, .1, .25, .5, .75, 1.0, 2.5, 5.0, 7.5, 10.0)

    def __init__(self, name, help, labels=(), unit=None, buckets=DEFAULT_BUCKETS):
        bounds = tuple(map(float, buckets))
        if bounds and bounds[-1] == float("inf"):
            bounds = bounds[:-1]
        if not bounds or any(not a < b for a, b in zip(bounds, bounds[1:])):
            raise ValueError(f"histogram {name}: buckets must be ascending numbers, not {buckets!r}")
        self.bounds = bounds
        self._open(name, help, labels, unit, bounds=bounds)

    @property
    def sum(self):
        """The sum of all values."""
        return self.get()

    @property
    def count(self):
        """How many values there were."""
        return int(sum(map(self.bucket, range(len(self.bounds) + 1))))

    def time(self):
        """A context manager and decorator that observes how long the block takes, in seconds."""
        return _Around(perf_counter, lambda start: self.observe(perf_counter() - start))


class Timer(Histogram):
    """A histogram of durations in seconds, from a tenth of a millisecond to a minute."""

    __slots__ = ()
    DEFAULT_BUCKETS = (.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

    def __init__(self, name, help, labels=(), unit="seconds", buckets=DEFAULT_BUCKETS):
        super().__init__(name, help, labels, unit, buckets)


class _Around:
    """Calls `enter`, runs a block or a function, gives what `enter` returned to `leave`."""

    __slots__ = ("_enter", "_leave", "_held")

    def __init__(self, enter, leave):
        self._enter, self._leave, self._held = enter, leave, []

    def __enter__(self):
        # A stack: one object may be entered again before it is left.
        self._held.append(self._enter())

    def __exit__(self, *_):
        self._leave(self._held.pop())

    def __call__(self, function):
        enter, leave = self._enter, self._leave
        if getattr(function, "__code__", None) is not None and function.__code__.co_flags & 0x80:
            @wraps(function)
            async def around(*args, **named):
                held = enter()
                try:
                    return await function(*args, **named)
                finally:
                    leave(held)
        else:
            @wraps(function)
            def around(*args, **named):
                held = enter()
                try:
                    return function(*args, **named)
                finally:
                    leave(held)
        return around


_installing = threading.Lock()


def install():
    """Makes prometheus_client count here, now or when it is imported; metrics made before stay as they are."""
    with _installing:
        if "_hook" not in globals():
            _backend(globals())
        _hook()


def __getattr__(name):
    if name == "ArenaCollector":
        install()
        return globals()["_collector"]()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
