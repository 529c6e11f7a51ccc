//! `uwsgi.metric_*` and `uwsgi.metrics`: metrics by name, as integers.
//!
//! It owns the signatures; what a call means is the server's business. Failure is `None`, never an
//! exception: an unknown name, a metric that something else computes, a division by zero.

use uwsgi_abi::MetricOp;

use crate::ffi::Method;
use crate::guard::{Args, builtin};
use crate::module::{the_server, true_or_none};
use crate::obj::Obj;
use crate::raise::Res;

fn change(args: &Args<'_>, op: MetricOp) -> Res<Obj> {
    args.at_most(2)?;
    let (name, value) = (args.text(0)?, args.int_or(1, 1)?);
    true_or_none(the_server()?.metric(op, name, value).is_some())
}

builtin!(get = "metric_get", |_s, args| {
    args.exactly(1)?;
    Obj::int(the_server()?.metric(MetricOp::Get, args.text(0)?, 0).unwrap_or(0))
});
builtin!(set = "metric_set", |_s, args| change(&args, MetricOp::Set));
builtin!(inc = "metric_inc", |_s, args| change(&args, MetricOp::Inc));
builtin!(dec = "metric_dec", |_s, args| change(&args, MetricOp::Dec));
builtin!(mul = "metric_mul", |_s, args| change(&args, MetricOp::Mul));
builtin!(div = "metric_div", |_s, args| change(&args, MetricOp::Div));
builtin!(set_max = "metric_set_max", |_s, args| change(&args, MetricOp::SetMax));
builtin!(set_min = "metric_set_min", |_s, args| change(&args, MetricOp::SetMin));
builtin!(names = "metric_names", |_s, _a| {
    Obj::tuple(the_server()?.metric_names().iter().map(|name| Obj::fs_text(name)))
});

/// Rows of the module's table.
pub(crate) static FUNCTIONS: [Method; 8] = [
    Method::new(c"metric_get", get),
    Method::new(c"metric_set", set),
    Method::new(c"metric_inc", inc),
    Method::new(c"metric_dec", dec),
    Method::new(c"metric_mul", mul),
    Method::new(c"metric_div", div),
    Method::new(c"metric_set_max", set_max),
    Method::new(c"metric_set_min", set_min),
];

/// What stands behind the property `uwsgi.metrics`.
pub(crate) static NAMES: Method = Method::new(c"metric_names", names);
