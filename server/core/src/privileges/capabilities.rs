//! `cap`: capabilities that stay when the user changes.
//!
//! All are kept until the user has changed, so that mounts and hooks in between work; afterwards
//! only those of the list are there, and threads, workers and the next image have them too.

use uwsgi_sys::capability::{self, Sets};

use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// The capabilities of the list as bits of the kernel's numbers, each told; nothing without a list.
/// What is unknown is told and left out, and a list of nothing but that is refused.
pub(super) fn mask(names: &[String]) -> Result<Option<u64>, String> {
    if names.is_empty() {
        return Ok(None);
    }
    let known = |name: &String| number(name).map(|number| 1u64 << number);
    match names.iter().filter_map(known).fold(0, |all, one| all | one) {
        0 => Err("[security] empty capabilities mask !!!".into()),
        mask => Ok(Some(mask)),
    }
}

fn number(name: &str) -> Option<u32> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("cap_").unwrap_or(&lower);
    let words = uwsgi_config::table::find("cap").map_or(&[][..], |row| row.words);
    let known = words.iter().position(|word| *word == bare).and_then(|at| u32::try_from(at).ok());
    known.or_else(|| name.parse().ok().filter(|number| *number < 64))
}

/// Before the user changes: everything stays, and the list is told.
pub(super) fn keep(names: &[String]) -> Result<Option<u64>, String> {
    for name in names {
        match number(name) {
            Some(number) => log!("setting capability {name} [{number}]"),
            None => log!("[security] unknown capability: {name}"),
        }
    }
    let mask = mask(names)?;
    if mask.is_some() {
        capability::keep_over_setuid().map_err(|e| format!("prctl(): {}", plain(&e)))?;
    }
    Ok(mask)
}

/// Afterwards: those of the list, as far as this process has them, and no others.
pub(super) fn settle(mask: &Option<u64>) -> Result<(), String> {
    let Some(mask) = *mask else { return Ok(()) };
    let failed = |e: std::io::Error| format!("cap_set_proc(): {}", plain(&e));
    // What the last image handed over is ours now; commands that we run do not get it.
    let _ = capability::clear_ambient();
    let had = capability::sets().map_err(failed)?.permitted;
    let all = mask & had;
    capability::set(Sets { effective: all, permitted: all, inheritable: all }).map_err(failed)
}

/// Before this process replaces itself: the next image gets the list too, though it is no
/// privileged user.
pub(crate) fn hand_over(settings: &Settings) {
    let Ok(Some(mask)) = mask(&settings.policy.privileges.capabilities) else { return };
    let Ok(had) = capability::sets() else { return };
    if let Err(e) = capability::raise_ambient(mask & had.permitted & had.inheritable) {
        log!("capabilities are lost at this reload: {}", plain(&e));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_names_and_numbers() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (list, expected) in [
            (&[][..], Ok(None)),
            (&["net_bind_service", "sys_time"], Ok(Some(0x0200_0400))),
            (&["10", "CAP_SYS_TIME", "bogus"], Ok(Some(0x0200_0400))),
            (&["checkpoint_restore"], Ok(Some(1 << 40))),
            (&["bogus", "64"], Err(())),
        ] {
            assert_eq!(mask(&names(list)).map_err(drop), expected, "{list:?}");
        }
    }
}
