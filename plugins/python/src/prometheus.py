# Makes prometheus_client count in the shared memory of the server.
#
# Runs in the namespace of `uwsgi_metrics`, whose text of help it leaves alone. Metrics keep their class and behaviour; what
# changes is where their values live and where a collection reads them, so any worker shows the sums over all workers, dead
# ones included. A metric that finds no room, or whose definition the exposition format forbids, stays in its process as it
# would have without this file.
import contextlib
import importlib.abc
import sys

_families = {}
_local = threading.local()
_patched = None


def _family_of(metric, kind, labels, mode=0, bounds=()):
    key = (metric._name, kind, labels, mode, bounds)
    if key not in _families:
        try:
            number = _family(metric._name, metric._documentation, metric._unit, kind, mode, labels, bounds)
        except (ValueError, TypeError) as exc:
            _warn(f"{exc}: it stays in its process")
            number = None
        _families[key] = number
    return _families[key]


def _warn(text):
    import warnings
    warnings.warn(f"uwsgi_metrics: {text}", RuntimeWarning, stacklevel=2)


class _Recent(_Value):
    """The value of a gauge that shows what was set last; the time is taken where it is counted."""

    __slots__ = ()

    def set(self, value, timestamp=None):
        _Value.set(self, value)


def _shape_of(metric):
    """Kind, labels, mode and bounds of a metric; nothing for kinds whose labels follow from their values."""
    kind = _KINDS.get(metric._type)
    if kind not in (_COUNTER, _GAUGE, _HISTOGRAM, _SUMMARY):
        return None
    mode = _MODES.index(metric._multiprocess_mode) if kind == _GAUGE else 0
    bounds = tuple(metric._upper_bounds[:-1]) if kind == _HISTOGRAM else ()
    return kind, tuple(metric._labelnames), mode, bounds


def _value_of(metric):
    """The value of an observable metric, or nothing when there is no room."""
    shape = _shape_of(metric)
    family = _family_of(metric, *shape)
    value = _Recent() if "mostrecent" in _MODES[shape[2]] else _Value()
    if family is None or not value._bind(family, metric._labelvalues):
        return None
    metric._shared = value
    return value


class _Bucket:
    """One count of a histogram or summary, as the client library keeps it."""

    def __init__(self, value, at):
        self._of, self._at = value, at

    def get(self):
        return self._of.bucket(self._at)

    def get_exemplar(self):
        return None


# --- reading -------------------------------------------------------------------------------------

_SUFFIXES = {_COUNTER: "_total", _INFO: "_info"}


def _reading():
    """All families by kind and name: those of the collection that is going on, or those of now."""
    found = getattr(_local, "reading", None)
    if found is None:
        found = {}
        for family in _read():
            found.setdefault((family[3], family[0]), []).append(family)
    return found


def _samples_of(family):
    """(name, labels, value) of each sample of a family."""
    name, _, _, kind, _, labels, bounds, samples = family
    for values, worker, value, buckets in samples:
        named = dict(zip(labels, values))
        if worker is not None:
            named["pid"] = str(worker)
        if kind == _HISTOGRAM:
            seen = 0
            for bound, count in zip(bounds + (float("inf"),), buckets):
                seen += count
                yield name + "_bucket", {**named, "le": _go_string(bound)}, float(seen)
            yield name + "_count", named, float(seen)
            if not bounds or bounds[0] >= 0:
                yield name + "_sum", named, value
        elif kind == _SUMMARY:
            yield name + "_count", named, float(sum(buckets))
            yield name + "_sum", named, value
        else:
            yield name + _SUFFIXES.get(kind, ""), named, value


def _go_string(bound):
    from prometheus_client.utils import floatToGoString
    return floatToGoString(bound)


def _collector():
    from prometheus_client.core import Metric
    types = ("counter", "gauge", "histogram", "summary", "info", "stateset", "unknown")

    class ArenaCollector:
        """Everything that applications count here, over all processes; takes the place of MultiProcessCollector."""

        def __init__(self, registry=None, path=None):
            if registry:
                registry.register(self)

        def collect(self):
            for family in _read():
                metric = Metric(family[0], family[1], types[family[3]])
                for sample in _samples_of(family):
                    metric.add_sample(*sample)
                yield metric

    return ArenaCollector


# --- patching ------------------------------------------------------------------------------------

def _patch():
    """Changes the classes of the client library, once."""
    global _patched
    if _patched is not None:
        return
    try:
        from prometheus_client import metrics, multiprocess, registry
        base = metrics.MetricWrapperBase
    except (ImportError, AttributeError) as exc:
        _warn(f"this version of prometheus_client counts in each process for itself: {exc}")
        return
    _patched = metrics
    _patch_values(metrics)
    _patch_states(metrics)
    _patch_reading(base, registry.CollectorRegistry)
    multiprocess.MultiProcessCollector = _collector()
    multiprocess.mark_process_dead = lambda pid, path=None: None


def _replace(owner, name):
    """A decorator: the function takes the place of a method, which it is handed."""
    original = getattr(owner, name)

    def put(function):
        @wraps(original)
        def method(self, *args, **named):
            return function(original, self, *args, **named)
        setattr(owner, name, method)
        return method
    return put


def _patch_values(metrics):
    @_replace(metrics.Counter, "_metric_init")
    def counter(original, self):
        original(self)
        self._value = _value_of(self) or self._value

    @_replace(metrics.Gauge, "_metric_init")
    def gauge(original, self):
        original(self)
        self._value = _value_of(self) or self._value

    @_replace(metrics.Summary, "_metric_init")
    def summary(original, self):
        original(self)
        value = _value_of(self)
        if value:
            self._count, self._sum = _Bucket(value, 0), value

    @_replace(metrics.Histogram, "_metric_init")
    def histogram(original, self):
        original(self)
        value = _value_of(self)
        if value:
            self._sum, self._buckets = value, [_Bucket(value, at) for at in range(len(self._upper_bounds))]

    for owner in (metrics.Summary, metrics.Histogram):
        owner.observe = _observe(owner.observe)
    for owner in (metrics.Counter, metrics.Gauge, metrics.Summary, metrics.Histogram):
        _show_parents(owner)


def _show_parents(owner):
    """What other processes count, and what was counted before a reload, is shown before a label is asked for here."""
    @_replace(owner, "__init__")
    def made(original, self, *args, **named):
        original(self, *args, **named)
        if self._is_parent():
            _family_of(self, *_shape_of(self))


def _observe(original):
    from prometheus_client import metrics
    check = getattr(metrics, "_validate_exemplar", lambda exemplar: None)

    @wraps(original)
    def observe(self, amount, exemplar=None):
        value = self.__dict__.get("_shared")
        if value is None:
            return original(self, amount, *([exemplar] if exemplar else []))
        if exemplar:
            check(exemplar)
        value.observe(amount)
    return observe


def _patch_states(metrics):
    @_replace(metrics.Info, "info")
    def info(original, self, val):
        original(self, val)
        names = tuple(sorted(val))
        family = _family_of(self, _INFO, tuple(self._labelnames) + names)
        if family is None:
            return
        fact = _Gauge()
        values = tuple(self._labelvalues) + tuple(str(val[name]) for name in names)
        last, self._shared_fact = self.__dict__.get("_shared_fact"), (values, fact)
        if last and last[0] != values:
            last[1]._remove()
        if fact._bind(family, values):
            self._shared = fact
            fact.set(1)

    @_replace(metrics.Enum, "__init__")
    def enum(original, self, *args, **named):
        original(self, *args, **named)
        if not self._is_observable():
            return
        family = _family_of(self, _STATESET, tuple(self._labelnames) + (self._name,))
        cells = {state: _Gauge() for state in self._states}
        if family is None or not all([cell._bind(family, tuple(self._labelvalues) + (state,)) for state, cell in cells.items()]):
            return
        self._shared = cells
        if not any(cell.get() for cell in cells.values()):
            cells[self._states[0]].set(1)

    @_replace(metrics.Enum, "state")
    def state(original, self, state):
        original(self, state)
        for name, cell in (self.__dict__.get("_shared") or {}).items():
            cell.set(name == state)


_KINDS = {"counter": _COUNTER, "gauge": _GAUGE, "histogram": _HISTOGRAM, "summary": _SUMMARY, "info": _INFO, "stateset": _STATESET}


def _patch_reading(base, registry):
    @_replace(base, "collect")
    def collect(original, self):
        kind = _KINDS.get(self._type)
        alone = [] if self._is_parent() else [self]
        children = dict(self._metrics) if self._is_parent() else {}
        # What counts for itself: values by a function, and what found no room.
        if kind is None or any("_shared" not in one.__dict__ or "_child_samples" in one.__dict__ for one in alone):
            return original(self)
        metric = self._get_metric()
        own = {labels: one for labels, one in children.items()
               if "_shared" not in one.__dict__ or "_child_samples" in one.__dict__}
        for labels, one in own.items():
            for suffix, extra, value, *_ in one._samples():
                metric.add_sample(self._name + suffix, {**dict(zip(self._labelnames, labels)), **extra}, value)
        for family in _reading().get((kind, self._name), ()):
            if kind != _INFO and family[5][:len(self._labelnames)] != tuple(self._labelnames):
                continue
            for name, labels, value in _samples_of(family):
                if tuple(labels.get(label) for label in self._labelnames) not in own:
                    metric.add_sample(name, labels, value)
        return [metric]

    @_replace(registry, "collect")
    def collect_all(original, self):
        outer = getattr(_local, "reading", None)
        _local.reading = _reading()
        try:
            yield from original(self)
        finally:
            _local.reading = outer

    @_replace(base, "remove")
    def remove(original, self, *labelvalues):
        # Made here if need be, because another process may have it.
        gone = self.labels(*labelvalues) if len(labelvalues) == len(self._labelnames) > 0 else None
        with _quiet():
            original(self, *labelvalues)
        _forget([gone])

    if hasattr(base, "clear"):
        @_replace(base, "clear")
        def clear(original, self):
            gone = list(getattr(self, "_metrics", {}).values())
            with _quiet():
                original(self)
            _forget(gone)
            _forget_all(self)


def _forget(children):
    for child in children:
        shared = child.__dict__.get("_shared") if child is not None else None
        for value in shared.values() if isinstance(shared, dict) else [shared] if shared else []:
            value._remove()


def _forget_all(metric):
    """Also the series that only other processes have asked for."""
    shape = metric._is_parent() and _shape_of(metric)
    family = _family_of(metric, *shape) if shape else None
    if family is None:
        return
    for name, _, _, kind, mode, labels, bounds, samples in _read():
        if name == metric._name and (kind, labels, mode, bounds) == shape:
            for values in {sample[0] for sample in samples}:
                value = _Value()
                if value._bind(family, values):
                    value._remove()


@contextlib.contextmanager
def _quiet():
    """The library warns that its own way of sharing cannot remove; ours can."""
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


# --- the import hook -------------------------------------------------------------------------------

class _Patching(importlib.abc.Loader):
    """Loads the client library as its own loader does, and patches it."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _patch()


class _Finder:
    """Stands in front of the other finders until the client library is found."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "prometheus_client":
            return None
        others = (finder for finder in sys.meta_path if finder is not cls and hasattr(finder, "find_spec"))
        spec = next((spec for spec in (finder.find_spec(name, path, target) for finder in others) if spec), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patching(spec.loader)
        return spec


def _hook():
    module = sys.modules.get("prometheus_client")
    if _patched is not None or _Finder in sys.meta_path:
        return
    if module is None:
        sys.meta_path.insert(0, _Finder)
    else:
        _patch()
