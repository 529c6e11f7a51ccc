//! Becoming another user and group.

use uwsgi_sys::user;

use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// Takes on the configured group and user. The error is the line for the log.
pub(crate) fn drop(settings: &Settings) -> Result<(), String> {
    let root = user::effective().0 == 0;
    let gid = settings.gid.as_deref().map(group_id).transpose()?;
    let owner = settings.uid.as_deref().map(owner).transpose()?;
    if let Some(gid) = gid {
        if !root && gid != user::effective().1 {
            return Err("cannot setgid() as non-root user".into());
        }
        log!("setgid() to {gid}");
        user::set_gid(gid).map_err(|e| format!("setgid(): {}", plain(&e)))?;
    }
    if root && (gid.is_some() || owner.is_some()) {
        let name = owner.as_ref().map(|o| o.name.as_str()).filter(|_| gid.is_some());
        user::set_groups(name, gid.unwrap_or(0))
            .map_err(|e| format!("setgroups(): {}", plain(&e)))?;
    }
    if let Some(owner) = owner {
        if !root && owner.uid != user::effective().0 {
            return Err("cannot setuid() as non-root user".into());
        }
        log!("setuid() to {}", owner.uid);
        user::set_uid(owner.uid).map_err(|e| format!("setuid(): {}", plain(&e)))?;
    }
    Ok(())
}

fn group_id(name: &str) -> Result<u32, String> {
    name.parse()
        .ok()
        .or_else(|| user::group(name))
        .ok_or_else(|| format!("group {name} not found."))
}

fn owner(name: &str) -> Result<user::User, String> {
    match name.parse::<u32>() {
        Ok(uid) => {
            Ok(user::user_by_id(uid).unwrap_or(user::User { uid, gid: uid, name: String::new() }))
        }
        Err(_) => user::user(name).ok_or_else(|| format!("user {name} not found.")),
    }
}
