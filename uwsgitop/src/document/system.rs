//! The machine and the control group in the stats JSON of ours; others do not tell.

use serde_json::{Map, Value};

use crate::picture::System;

/// `None` where the document says nothing.
pub(super) fn read(top: &Map<String, Value>) -> Option<System> {
    let row = top.get("system").and_then(Value::as_object)?;
    let known = |key: &str| row.get(key).and_then(Value::as_u64);
    let hundredths = |key: &str| known(key).map(|value| value as f64 / 100.0);
    let [one, five, fifteen] = ["load1", "load5", "load15"].map(hundredths);
    let stalls = ["stall_cpu", "stall_memory", "stall_io"].map(hundredths);
    let system = System {
        load: one.zip(five).zip(fifteen).map(|((one, five), fifteen)| [one, five, fifteen]),
        mem_available: known("mem_available"),
        memory_usage: known("cgroup_memory_usage"),
        memory_limit: known("cgroup_memory_limit"),
        oom_kills: known("cgroup_memory_oom_kill_events"),
        cpu_limit_milli: known("cgroup_cpu_limit_milli"),
        cpu_throttled: known("cgroup_cpu_throttled_us"),
        stalls,
    };
    (system != System::default()).then_some(system)
}

#[cfg(test)]
mod tests {
    use crate::document::parse;
    use crate::picture::System;

    #[test]
    fn what_the_kernel_does_not_tell_is_absent() {
        let json = br#"{"system":{"load1":150,"load5":20,"load15":3,"mem_available":7,
            "cgroup_memory_oom_kill_events":2,"stall_io":1234}}"#;
        let wanted = System {
            load: Some([1.5, 0.2, 0.03]),
            mem_available: Some(7),
            oom_kills: Some(2),
            stalls: [None, None, Some(12.34)],
            ..System::default()
        };
        assert_eq!(parse(json).unwrap().system, Some(wanted));
        for json in [&b"{}"[..], br#"{"system":{}}"#, br#"{"system":[1],"x":{"load1":"2"}}"#] {
            assert_eq!(parse(json).unwrap().system, None);
        }
    }
}
