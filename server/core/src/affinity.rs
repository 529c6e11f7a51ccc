//! `cpu-affinity`: which processors a worker runs on.

use uwsgi_sys::cpu;

use crate::instance::Instance;
use crate::log;
use crate::policy::Machine;
use crate::sockets::plain;

/// Processors that count: those that are online, or those that this process may use.
pub(crate) fn processors(machine: &Machine) -> Vec<usize> {
    let allowed = if machine.allowed_only { cpu::allowed() } else { Vec::new() };
    match allowed.is_empty() {
        true => (0..cpu::online()).collect(),
        false => allowed,
    }
}

/// Binds this process, which is worker `id`, to its processors. A failure is told and changes
/// nothing.
pub(crate) fn bind(instance: &Instance, id: u32) {
    let machine = &instance.settings.policy.machine;
    let Some(chosen) = share(&processors(machine), machine.affinity, id) else { return };
    let names: String = chosen.iter().map(|cpu| format!(" {cpu}")).collect();
    match cpu::bind(&chosen) {
        Ok(()) => log!("mapping worker {id} to CPUs:{names}"),
        Err(e) => log!(
            "unable to map worker {id} to CPUs:{names}: sched_setaffinity(): {} (option \"cpu-affinity\")",
            plain(&e)
        ),
    }
}

/// Worker by worker the next `each` of `all`, beginning again at the first when they are used up.
fn share(all: &[usize], each: usize, id: u32) -> Option<Vec<usize>> {
    if each == 0 || all.is_empty() {
        return None;
    }
    let before = usize::try_from(id).ok()?.saturating_sub(1).checked_mul(each)?;
    let chosen = all.iter().cycle().skip(before % all.len()).take(each.min(all.len()));
    Some(chosen.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn workers_take_turns() {
        let all = [0, 1, 2];
        for (each, id, expected) in [
            (0, 1, None),
            (1, 1, Some(vec![0])),
            (1, 3, Some(vec![2])),
            (1, 4, Some(vec![0])),
            (2, 2, Some(vec![2, 0])),
            (2, 3, Some(vec![1, 2])),
            (9, 2, Some(vec![0, 1, 2])),
        ] {
            assert_eq!(share(&all, each, id), expected, "{each} for worker {id}");
        }
        assert_eq!(share(&[3, 5], 1, 2), Some(vec![5]), "numbers need not begin at 0");
        assert_eq!(share(&[], 1, 1), None);
    }
}
