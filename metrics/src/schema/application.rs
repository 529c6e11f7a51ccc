//! The figures of each application that a worker has loaded, for those who read lists: what `/metrics` sums
//! up by mountpoint. An application has the number that the stats show as its id.

use super::Metric;
use super::Unit::{Bytes, Count, Micros};
use super::build::{app, at, i, nth};
use crate::metric_pool::Kind::Counter;
use crate::rows::AppRow;

/// See the module.
pub(super) const ROWS: &[Metric] = &[
    app(|a| i(a.responses[0]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.1xx", "16.N.M.4")
        .cell(nth(at!(AppRow.responses), 0)),
    app(|a| i(a.responses[1]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.2xx", "16.N.M.5")
        .cell(nth(at!(AppRow.responses), 1)),
    app(|a| i(a.responses[2]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.3xx", "16.N.M.6")
        .cell(nth(at!(AppRow.responses), 2)),
    app(|a| i(a.responses[3]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.4xx", "16.N.M.7")
        .cell(nth(at!(AppRow.responses), 3)),
    app(|a| i(a.responses[4]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.5xx", "16.N.M.8")
        .cell(nth(at!(AppRow.responses), 4)),
    app(|a| i(a.responses[5]), Counter, Count, "Responses of the application by status class.")
        .extended("worker.N.app.M.responses.other", "16.N.M.9")
        .cell(nth(at!(AppRow.responses), 5)),
    app(|a| i(a.rx), Counter, Bytes, "Request bytes of the application, head and body.")
        .extended("worker.N.app.M.rx", "16.N.M.10")
        .cell(at!(AppRow.rx)),
    app(|a| i(a.tx), Counter, Bytes, "Response bytes of the application, head and body.")
        .extended("worker.N.app.M.tx", "16.N.M.11")
        .cell(at!(AppRow.tx)),
    app(|a| i(a.running_time_us), Counter, Micros, "Time spent in requests of the application.")
        .extended("worker.N.app.M.running_time", "16.N.M.12")
        .cell(at!(AppRow.running_time_us)),
    app(|a| i(a.application_us), Counter, Micros, "Time inside of the application.")
        .extended("worker.N.app.M.application_time", "16.N.M.13")
        .cell(at!(AppRow.application_us)),
    app(|a| i(a.write_us), Counter, Micros, "Time spent writing responses of the application.")
        .extended("worker.N.app.M.write_time", "16.N.M.14")
        .cell(at!(AppRow.write_us)),
    app(|a| i(a.read_errors), Counter, Count, "Reads of its request bodies that failed.")
        .extended("worker.N.app.M.read_errors", "16.N.M.15")
        .cell(at!(AppRow.read_errors)),
    app(|a| i(a.write_errors), Counter, Count, "Writes of its responses that failed.")
        .extended("worker.N.app.M.write_errors", "16.N.M.16")
        .cell(at!(AppRow.write_errors)),
    app(|a| i(a.aborted), Counter, Count, "Its requests whose client left before the end.")
        .extended("worker.N.app.M.aborted", "16.N.M.17")
        .cell(at!(AppRow.aborted)),
    app(|a| i(a.harakiri_count), Counter, Count, "Its requests that took too long, by harakiri.")
        .extended("worker.N.app.M.harakiri", "16.N.M.18")
        .cell(at!(AppRow.harakiri_count)),
];
