//! Memory of the processes as a whole: `never-swap`, `ksm`, and what the start leaves behind.

use uwsgi_sys::{memory, user};

use crate::log;
use crate::policy::Machine;
use crate::settings::Settings;
use crate::sockets::plain;

/// In the process that starts, and in each that it forks: the kernel forgets it at a fork. A
/// failure is told and changes nothing.
pub(crate) fn never_swap(settings: &Settings) {
    if !settings.policy.machine.never_swap {
        return;
    }
    if user::effective().0 == 0
        && let Err(e) = memory::unlimited_locks()
        && settings.uid.is_some()
    {
        // With a limit the first memory beyond it would be refused to the user we become.
        let why = plain(&e);
        log!(
            "never-swap has no effect: setrlimit(MEMLOCK): {why} (let the service manager lift the limit)"
        );
        return;
    }
    if let Err(e) = memory::never_swap() {
        log!("mlockall(): {} (option \"never-swap\")", plain(&e));
    }
}

/// Before the workers are started, which inherit both: what the start needed of the heap is given
/// back, equal pages are merged.
pub(crate) fn settle(machine: &Machine) {
    memory::trim_heap();
    let Some(every) = machine.ksm else { return };
    match memory::merge_all() {
        Ok(()) => log!("[uwsgi-KSM] enabled with frequency: {every}"),
        Err(e) => log!(
            "[uwsgi-KSM] unable to share pages: {} (needs Linux 6.4 and its CONFIG_KSM)",
            plain(&e)
        ),
    }
}

/// In the master, which has started everybody: its own code for that is needed no more. It would
/// hold several MiB of the binary for good.
pub(crate) fn forget_start() {
    // Where it cannot be, everything stays as it is.
    let _ = memory::let_go_of_files();
}
