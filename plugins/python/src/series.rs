//! The native half of the module `uwsgi_metrics`: objects that are one series of the server each.
//!
//! It owns what happens on every count, which is one call of the server and no allocation, and the
//! loading of the other half, which is Python and runs when an app imports it. An object holds the
//! number of its series, which is the same in every process, so it works before a fork and after
//! it, in any thread and interpreter.

use std::ffi::{CStr, c_void};

use uwsgi_abi::series::{
    FamilyDef, FamilyKind, FamilyRead, FamilyRefused, GaugeMode, NO_SERIES, SERIES_VALUE,
    SampleRead, SeriesOp,
};

use crate::ffi::{self, Method, PyObject};
use crate::guard::{Args, builtin, type_name};
use crate::module::the_server;
use crate::obj::Obj;
use crate::raise::{Raised, Res, clear, raised, type_error, value_error};
use crate::start::{function, run_source};
use crate::types::{bytes_of, head_size, utf8_of};

const SOURCE: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("uwsgi_metrics.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"raise SystemError('uwsgi_metrics contains a NUL')",
    };
const BACKEND: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("prometheus.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"raise SystemError('the prometheus_client backend contains a NUL')",
    };

/// What an object holds behind its head: the number of its series plus one, 0 for none yet.
fn slot(object: *mut PyObject) -> *mut u64 {
    // SAFETY: a live instance of one of our types, which are one number longer than their head.
    unsafe { object.cast::<u8>().add(head_size()).cast::<u64>() }
}

/// The series of an object.
fn series(object: *mut PyObject) -> Res<u32> {
    // SAFETY: see `slot`; written once, before anybody else has the object.
    let held = unsafe { slot(object).read() };
    match u32::try_from(held.wrapping_sub(1)) {
        Ok(series) => Ok(series),
        Err(_) => Err(value_error(&format!("{}: choose a series by labels() first", name(object)))),
    }
}

/// What messages call an object.
fn name(object: *mut PyObject) -> String {
    let Some(object) = Obj::borrow(object) else { return String::new() };
    let name = object.attr_opt(c"name").map(|name| name.to_text()).unwrap_or_default();
    format!("{} {name}", type_name(&object).trim_start_matches('_').to_lowercase())
}

/// The number in the first place, 1 when there is none.
fn amount(object: *mut PyObject, args: &Args<'_>) -> Res<f64> {
    args.at_most(1)?;
    value(object, args, 1.0)
}

/// The number in the first place; what is none is an error that names the object.
fn value(object: *mut PyObject, args: &Args<'_>, otherwise: f64) -> Res<f64> {
    let Some(argument) = args.raw(0) else { return Ok(otherwise) };
    number(argument).map_err(|Raised| {
        let given = args.get(0).map(|given| type_name(&given)).unwrap_or_default();
        clear();
        type_error(&format!("{}: a number is needed, not {given}", name(object)))
    })
}

fn number(object: *mut PyObject) -> Res<f64> {
    // SAFETY: a live argument.
    let value = unsafe { ffi::PyFloat_AsDouble(object) };
    if value == -1.0 && raised() { Err(Raised) } else { Ok(value) }
}

/// One change; a refusal names the object.
fn update(object: *mut PyObject, op: SeriesOp, value: f64) -> Res<Obj> {
    if the_server()?.series_update(series(object)?, op, SERIES_VALUE, value) {
        return Ok(Obj::none());
    }
    let what = if op == SeriesOp::Add { "a counter only grows" } else { "it takes no such value" };
    Err(value_error(&format!("{}: {what}, not by {value}", name(object))))
}

builtin!(inc = "inc", |slf, args| update(slf, SeriesOp::Add, amount(slf, &args)?));
builtin!(dec = "dec", |slf, args| update(slf, SeriesOp::Add, -amount(slf, &args)?));
builtin!(set = "set", |slf, args| {
    // The second one of the client library is a time, which the server takes itself.
    args.at_most(2)?;
    args.need(0)?;
    update(slf, SeriesOp::Set, value(slf, &args, 0.0)?)
});
builtin!(observe = "observe", |slf, args| {
    args.exactly(1)?;
    update(slf, SeriesOp::Observe, amount(slf, &args)?)
});
builtin!(get = "get", |slf, _a| Obj::float(the_server()?.series_value(series(slf)?, SERIES_VALUE)));
builtin!(bucket = "bucket", |slf, args| {
    let at = u32::try_from(args.need(0)?.as_int()?).unwrap_or(SERIES_VALUE - 1);
    Obj::float(the_server()?.series_value(series(slf)?, at))
});
builtin!(remove = "_remove", |slf, _a| update(slf, SeriesOp::Remove, 0.0));
builtin!(set_exemplar = "set_exemplar", |_s, _a| Ok(Obj::none()));
builtin!(get_exemplar = "get_exemplar", |_s, _a| Ok(Obj::none()));

// `_bind(family, values)`: whether there was room; without room it counts where nobody looks.
builtin!(bind = "_bind", |slf, args| {
    let family = u32::try_from(args.need(0)?.as_int()?).unwrap_or(NO_SERIES);
    let values = texts(&args.need(1)?)?;
    let values: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
    let found = the_server()?.series(family, &values);
    // SAFETY: see `slot`; the maker of the object has shown it to nobody yet.
    unsafe { slot(slf).write(u64::from(found) + 1) };
    Obj::bool(found != NO_SERIES)
});

// `_family(name, help, unit, kind, mode, labels, bounds)`: its number, or nothing without room.
builtin!(family = "_family", |_s, args| {
    let text = |nth| args.text(nth).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let (name, help, unit) = (text(0)?, text(1)?, text(2)?);
    let labels = texts(&args.need(5)?)?;
    let bounds = items(&args.need(6)?)?.iter().map(|b| number(b.ptr())).collect::<Res<Vec<_>>>()?;
    let definition = FamilyDef {
        name: &name,
        help: &help,
        unit: &unit,
        kind: kind(args.need(3)?.as_int()?),
        mode: mode(args.need(4)?.as_int()?),
        labels: &labels.iter().map(String::as_str).collect::<Vec<_>>(),
        bounds: &bounds,
    };
    match the_server()?.family(&definition) {
        Ok(number) => Obj::uint(number.into()),
        Err(FamilyRefused::Full) => Ok(Obj::none()),
        Err(FamilyRefused::Invalid) => Err(value_error(&format!(
            "metric {name}: its name, labels or buckets break a rule of the exposition format"
        ))),
    }
});

// `_read()`: every family with its samples, all processes merged.
builtin!(read = "_read", |_s, _a| Obj::list(the_server()?.families().iter().map(read_family)));

fn read_family(family: &FamilyRead) -> Res<Obj> {
    Obj::tuple([
        Obj::text(&family.name),
        Obj::text(&family.help),
        Obj::text(&family.unit),
        Obj::uint(family.kind.into()),
        Obj::uint(family.mode.into()),
        Obj::tuple(family.labels.iter().map(|label| Obj::text(label))),
        Obj::tuple(family.bounds.iter().map(|bound| Obj::float(*bound))),
        Obj::list(family.samples.iter().map(read_sample)),
    ])
}

fn read_sample(sample: &SampleRead) -> Res<Obj> {
    let values = sample.values.iter().map(|value| Obj::text(&String::from_utf8_lossy(value)));
    Obj::tuple([
        Obj::tuple(values),
        sample.worker.map_or_else(|| Ok(Obj::none()), |worker| Obj::uint(worker.into())),
        Obj::float(sample.value),
        Obj::tuple(sample.buckets.iter().map(|count| Obj::uint(*count))),
    ])
}

/// The items of any sequence.
fn items(sequence: &Obj) -> Res<Vec<Obj>> {
    // SAFETY: a live object.
    let tuple = Obj::own(unsafe { ffi::PySequence_Tuple(sequence.ptr()) })?;
    // SAFETY: a live tuple; its items are borrowed and made strong at once.
    let item = |at| Obj::borrow(unsafe { ffi::PyTuple_GetItem(tuple.ptr(), at) }).ok_or(Raised);
    // SAFETY: a live tuple.
    (0..unsafe { ffi::PyTuple_Size(tuple.ptr()) }).map(item).collect()
}

fn texts(sequence: &Obj) -> Res<Vec<String>> {
    items(sequence)?.iter().map(text_of).collect()
}

/// A text as the exposition formats can show it: half a character, which a path or the name of a
/// file may hold, as its escape.
fn text_of(item: &Obj) -> Res<String> {
    // SAFETY: live for this statement; the bytes are copied.
    if let Some(bytes) = unsafe { utf8_of(item.ptr()) } {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    if !raised() {
        return Err(value_error("a label is a str"));
    }
    clear();
    let (utf8, escaped) = (c"utf-8".as_ptr(), c"backslashreplace".as_ptr());
    // SAFETY: a live str, for that is what cannot be encoded; the names are static.
    let bytes = Obj::own(unsafe { ffi::PyUnicode_AsEncodedString(item.ptr(), utf8, escaped) })?;
    // SAFETY: live for this statement; the bytes are copied.
    let bytes = unsafe { bytes_of(bytes.ptr()) }.unwrap_or_default();
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn kind(code: i64) -> FamilyKind {
    use FamilyKind::{Counter, Gauge, Histogram, Info, StateSet, Summary, Unknown};
    let all = [Counter, Gauge, Histogram, Summary, Info, StateSet];
    all.into_iter().find(|kind| i64::from(*kind as u32) == code).unwrap_or(Unknown)
}

fn mode(code: i64) -> GaugeMode {
    use GaugeMode::{All, LiveAll, LiveMax, LiveMin, LiveMostRecent, LiveSum};
    use GaugeMode::{Max, Min, MostRecent, Shared, Sum};
    let all = [All, LiveAll, Min, LiveMin, Max, LiveMax, Sum, LiveSum, MostRecent, LiveMostRecent];
    all.into_iter().find(|mode| i64::from(*mode as u32) == code).unwrap_or(Shared)
}

const BIND: Method = Method::new(c"_bind", bind);
const REMOVE: Method = Method::new(c"_remove", remove);
static COUNTER: [Method; 5] =
    [Method::new(c"inc", inc), Method::new(c"get", get), BIND, REMOVE, Method::END];
static GAUGE: [Method; 7] = [
    Method::new(c"inc", inc),
    Method::new(c"dec", dec),
    Method::new(c"set", set),
    Method::new(c"get", get),
    BIND,
    REMOVE,
    Method::END,
];
static HISTOGRAM: [Method; 6] = [
    Method::new(c"observe", observe),
    Method::new(c"get", get),
    Method::new(c"bucket", bucket),
    BIND,
    REMOVE,
    Method::END,
];
/// What stands behind the objects of the client library, whatever their kind.
static VALUE: [Method; 10] = [
    Method::new(c"inc", inc),
    Method::new(c"set", set),
    Method::new(c"observe", observe),
    Method::new(c"get", get),
    Method::new(c"bucket", bucket),
    Method::new(c"set_exemplar", set_exemplar),
    Method::new(c"get_exemplar", get_exemplar),
    BIND,
    REMOVE,
    Method::END,
];

static FAMILY: Method = Method::new(c"_family", family);
static READ: Method = Method::new(c"_read", read);
static BACKEND_OF: Method = Method::new(c"_backend", backend);

fn make_type(name: &'static CStr, methods: &'static [Method]) -> Res<Obj> {
    let slot = |slot, pfunc: *const c_void| ffi::PyType_Slot { slot, pfunc: pfunc.cast_mut() };
    let mut slots = [slot(ffi::Py_tp_methods, methods.as_ptr().cast()), slot(0, std::ptr::null())];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE;
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: i32::try_from(head_size() + size_of::<u64>()).unwrap_or(24),
        itemsize: 0,
        flags: u32::try_from(flags).unwrap_or(0),
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a complete spec; the method tables are static, the rest is copied.
    Obj::own(unsafe { ffi::PyType_FromSpec(&mut spec) })
}

// `load_metrics(module)`: makes the module `uwsgi_metrics`, for the loader in the helper code.
builtin!(load = "load_metrics", |_s, args| {
    let module = args.need(0)?;
    // SAFETY: a live module; the borrowed result is made strong at once.
    let dict = Obj::borrow(unsafe { ffi::PyModule_GetDict(module.ptr()) }).ok_or(Raised)?;
    // Old versions give code that is run in a bare namespace almost none of them.
    dict.put(c"__builtins__", &Obj::import(c"builtins")?)?;
    dict.put(c"_Counter", &make_type(c"uwsgi_metrics._Counter", &COUNTER)?)?;
    dict.put(c"_Gauge", &make_type(c"uwsgi_metrics._Gauge", &GAUGE)?)?;
    dict.put(c"_Histogram", &make_type(c"uwsgi_metrics._Histogram", &HISTOGRAM)?)?;
    dict.put(c"_Value", &make_type(c"uwsgi_metrics._Value", &VALUE)?)?;
    for row in [&FAMILY, &READ, &BACKEND_OF] {
        // SAFETY: rows hold static NUL-terminated names.
        dict.put(unsafe { CStr::from_ptr(row.name) }, &function(row)?)?;
    }
    run_source(SOURCE, &dict)?;
    Ok(Obj::none())
});

// `_backend(names)`: adds what makes prometheus_client count here.
builtin!(backend = "_backend", |_s, args| {
    run_source(BACKEND, &args.need(0)?)?;
    Ok(Obj::none())
});

/// What the helper code calls when an app imports the module.
pub(crate) static LOAD: Method = Method::new(c"load_metrics", load);
