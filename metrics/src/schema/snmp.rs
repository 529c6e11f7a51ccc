//! The figures of the SNMP agent; hidden in expositions while there is nothing to tell.

use super::build::{at, i, total};
use super::{Metric, Unit};
use crate::metric_pool::Kind::Counter;
use crate::rows::SnmpRow;
use Unit::Count;

pub(super) const ROWS: &[Metric] = &[
    total(|s| i(s.snmp.requests), Counter, Count, "Datagrams for the SNMP agent.")
        .extended("snmp.requests", "13.1")
        .family("uwsgi_snmp_requests_total")
        .cell(at!(SnmpRow.requests))
        .if_measured(),
    total(|s| i(s.snmp.responses), Counter, Count, "Answers and reports of the SNMP agent.")
        .extended("snmp.responses", "13.2")
        .family("uwsgi_snmp_responses_total")
        .cell(at!(SnmpRow.responses))
        .if_measured(),
    dropped(|s| i(s.snmp.malformed))
        .extended("snmp.malformed", "13.3")
        .label("reason", "malformed")
        .cell(at!(SnmpRow.malformed)),
    dropped(|s| i(s.snmp.bad_community))
        .extended("snmp.bad_community", "13.4")
        .label("reason", "community")
        .cell(at!(SnmpRow.bad_community)),
    dropped(|s| i(s.snmp.denied))
        .extended("snmp.denied", "13.5")
        .label("reason", "address")
        .cell(at!(SnmpRow.denied)),
    dropped(|s| i(s.snmp.silent))
        .extended("snmp.silent", "13.6")
        .label("reason", "silent")
        .cell(at!(SnmpRow.silent)),
    total(|s| i(s.snmp.unauthentic), Counter, Count, "SNMPv3 messages that were not accepted.")
        .extended("snmp.unauthentic", "13.7")
        .family("uwsgi_snmp_unauthentic_total")
        .cell(at!(SnmpRow.unauthentic))
        .if_measured(),
    total(|s| i(s.snmp.messages), Counter, Count, "Datagrams of the udp socket that were logged.")
        .extended("udp.messages", "13.8")
        .family("uwsgi_udp_messages_total")
        .cell(at!(SnmpRow.messages))
        .if_measured(),
];

const fn dropped(read: fn(&crate::Snapshot) -> i64) -> Metric {
    total(read, Counter, Count, "Datagrams for the SNMP agent that it does not answer.")
        .family("uwsgi_snmp_dropped_total")
        .if_measured()
}
