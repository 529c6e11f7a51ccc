//! Options of a plugin as rows of the option table.
//!
//! A row lives as long as the process, like the library it came from: it is made once per library
//! and leaked.

use uwsgi_abi::host::Declared;
use uwsgi_abi::{Argument, OPTION_MASTER, OPTION_MEMORY, OPTION_METRICS, OPTION_THREADS, Value};
use uwsgi_config::{Arg, Flags, Kind, Row, Status};

/// Bits of the interface and what they are here.
const FLAGS: [(u32, Flags); 4] = [
    (OPTION_MASTER, Flags::MASTER),
    (OPTION_THREADS, Flags::THREADS),
    (OPTION_MEMORY, Flags::MEMORY),
    (OPTION_METRICS, Flags::METRICS),
];

/// The row of an option that `plugin` declares.
pub(super) fn row(plugin: &'static str, option: Declared) -> &'static Row {
    let flags = FLAGS.iter().filter(|(bit, _)| option.flags & bit != 0);
    let row =
        Row::new(keep(option.name), arg(option.argument), kind(option.value), keep(option.help));
    Box::leak(Box::new(Row {
        short: option.short,
        unit: keep(option.unit),
        default: keep(option.default),
        flags: flags.fold(Flags::NONE, |all, (_, flag)| all.with(*flag)),
        section: plugin,
        status: Status::Works,
        ..row
    }))
}

fn keep(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn arg(argument: Argument) -> Arg {
    match argument {
        Argument::None => Arg::None,
        Argument::Required => Arg::Required,
        Argument::Optional => Arg::Optional,
    }
}

fn kind(value: Value) -> Kind {
    match value {
        Value::Flag => Kind::Flag,
        Value::Int => Kind::Int,
        Value::Unsigned => Kind::U64,
        Value::Megabytes => Kind::Megabytes,
        Value::Text => Kind::Str,
        Value::List => Kind::List,
        Value::Dict => Kind::Dict,
    }
}
