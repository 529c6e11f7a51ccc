//! What options do to this process while the configuration is read.

use uwsgi_config::{Deed, SourceError};
use uwsgi_sys::user;

use crate::flock;
use crate::sockets::plain;

/// Does it; the answer is what to log.
pub(super) fn perform(deed: Deed<'_>) -> Result<Vec<String>, SourceError> {
    let done = match deed {
        Deed::Lock { path, wait } => flock::take(path, wait).map(|()| Vec::new()),
        Deed::User(name) => become_user(name).map(|line| vec![line]),
        Deed::Group(name) => become_group(name).map(|line| vec![line]),
    };
    done.map_err(SourceError::new)
}

/// Number 0 is refused: whoever wants it has it.
fn become_user(name: &str) -> Result<String, String> {
    let uid = name.parse().ok().or_else(|| user::user(name).map(|user| user.uid)).unwrap_or(0);
    if uid == 0 {
        return Err("uwsgi_opt_set_immediate_uid(): invalid uid 0".into());
    }
    user::set_uid(uid).map_err(|e| format!("setuid(): {}", plain(&e)))?;
    Ok(format!("immediate uid: {uid}"))
}

/// Further groups of the user who started us are given up as well, where we may.
fn become_group(name: &str) -> Result<String, String> {
    let gid = name.parse().ok().or_else(|| user::group(name)).unwrap_or(0);
    if gid == 0 {
        return Err("uwsgi_opt_set_immediate_gid(): invalid gid 0".into());
    }
    if user::effective().0 == 0 {
        user::set_groups(None, gid).map_err(|e| format!("setgroups(): {}", plain(&e)))?;
    }
    user::set_gid(gid).map_err(|e| format!("setgid(): {}", plain(&e)))?;
    Ok(format!("immediate gid: {gid}"))
}
