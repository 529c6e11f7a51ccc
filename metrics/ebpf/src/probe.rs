//! What a probe is: a name, its programs, and whether it is loaded unless somebody says otherwise.

/// One program of a probe.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name in the object.
    pub name: &'static str,
    /// Tracepoint it is attached to; empty for one that the server runs itself.
    pub tracepoint: &'static str,
    /// What is lost without it; a probe that loses all such things has failed.
    pub gives: &'static str,
}

/// One probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The word of the option `ebpf`.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Part of the default set.
    pub default: bool,
    /// Its programs.
    pub programs: &'static [Program],
}

/// All probes, in the order of their rows in the arena.
pub const PROBES: &[Probe] = &[
    crate::accept::PROBE,
    crate::scheduler::PROBE,
    crate::network::PROBE,
    crate::signals::PROBE,
    crate::syscalls::PROBE,
    crate::memory::PROBE,
];

/// Programs that stand in for others, by folder: the second name is tried first, and the first one
/// is loaded only when that is not attached. A program may stand in for several.
const INSTEAD: &[&[(&str, &str)]] = &[crate::memory::INSTEAD];

/// True when `program` is not needed, or not missed, since one that does the same is attached.
pub(crate) fn spared(program: &str, attached: &dyn Fn(&str) -> bool) -> bool {
    INSTEAD.iter().copied().flatten().any(|(second, first)| {
        (*second == program && attached(first)) || (*first == program && attached(second))
    })
}

/// The probes that a value of the option `ebpf` asks for: `all`, `none`, `default` or a list of
/// names separated by commas, one with a minus in front is left out.
///
/// # Errors
/// The word that is no probe, and what there is.
pub fn chosen(value: &str) -> Result<Vec<&'static Probe>, String> {
    let mut chosen: Vec<&Probe> = Vec::new();
    for (at, word) in value.split([',', ' ']).filter(|word| !word.is_empty()).enumerate() {
        let (word, out) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        let named: Vec<&Probe> = match word {
            "none" | "false" | "off" | "no" | "0" if !out => {
                chosen.clear();
                continue;
            }
            "all" => PROBES.iter().collect(),
            "default" | "true" | "on" | "yes" | "1" => {
                PROBES.iter().filter(|probe| probe.default).collect()
            }
            name => PROBES.iter().filter(|probe| probe.name == name).collect(),
        };
        if named.is_empty() {
            let known: Vec<_> = PROBES.iter().map(|probe| probe.name).collect();
            let known = known.join(", ");
            return Err(format!(
                "ebpf: there is no probe \"{word}\"; there are {known}, and all, default, none"
            ));
        }
        // A list that only leaves out is one of the default set.
        if out && at == 0 {
            chosen = PROBES.iter().filter(|probe| probe.default).collect();
        }
        for probe in named {
            chosen.retain(|other| other.name != probe.name);
            if !out {
                chosen.push(probe);
            }
        }
    }
    chosen.sort_by_key(|probe| PROBES.iter().position(|other| other.name == probe.name));
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_from_left_to_right() {
        let default = "accept scheduler network signals";
        for (value, want) in [
            ("", ""),
            ("default", default),
            ("all", "accept scheduler network signals syscalls memory"),
            ("memory,accept", "accept memory"),
            ("all,-memory", "accept scheduler network signals syscalls"),
            ("-network", "accept scheduler signals"),
            ("-network,-accept", "scheduler signals"),
            ("-network,memory", "accept scheduler signals memory"),
            ("accept,none", ""),
            ("none,accept", "accept"),
            // What was left is none, and stays that.
            ("none,-network", ""),
            ("accept,-accept,-network", ""),
            ("-all,-network", ""),
        ] {
            let names: Vec<_> = chosen(value).unwrap().iter().map(|probe| probe.name).collect();
            assert_eq!(names.join(" "), want, "{value}");
        }
        for value in ["accpet", "-none", "all,-", "accept;network"] {
            assert!(chosen(value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_program_is_spared_when_one_that_does_the_same_is_attached() {
        let attached = |name: &str| name == "memory_io_start";
        assert!(spared("memory_io_issue", &attached), "not needed");
        assert!(!spared("memory_switch", &attached), "needed");
        let attached = |name: &str| name == "memory_io_issue";
        assert!(spared("memory_io_start", &attached), "not missed");
        assert!(!spared("memory_io_issue", &|_| false));
    }

    #[test]
    fn programs_that_stand_in_are_tried_after_those_they_stand_in_for() {
        let all: Vec<_> = PROBES.iter().flat_map(|p| p.programs).map(|p| p.name).collect();
        let place = |name: &str| all.iter().position(|own| *own == name);
        for (second, first) in INSTEAD.iter().copied().flatten() {
            assert!(place(second).is_some(), "{second} is no program");
            assert!(place(first) < place(second), "{first} comes too late");
        }
    }
}
