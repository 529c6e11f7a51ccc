//! Owner and mode of the paths of UNIX sockets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use uwsgi_sys::user;

use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// `chmod-socket`.
pub(crate) fn set_mode(path: &Path, settings: &Settings) -> Result<(), String> {
    let Some(mode) = settings.chmod_socket else { return Ok(()) };
    if mode == 0o666 {
        log!("chmod() socket to 666 for lazy and brave users");
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|e| format!("chmod(): {} [{}]", plain(&e), path.display()))
}

/// User and group, as far as they are to change.
pub(crate) type Owner = (Option<u32>, Option<u32>);

/// Whom `chown-socket` names; to be asked before anything is bound.
pub(crate) fn wanted(settings: &Settings) -> Result<Owner, String> {
    settings.policy.sockets.owner.as_deref().map_or(Ok((None, None)), owner)
}

/// Gives the path of a socket to its owner.
pub(crate) fn give(path: &Path, (uid, gid): Owner) -> Result<(), String> {
    if (uid, gid) == (None, None) {
        return Ok(());
    }
    std::os::unix::fs::chown(path, uid, gid)
        .map_err(|e| format!("chown(): {} [{}]", plain(&e), path.display()))
}

/// User and group of `user`, `user:group` or `:group`, names or numbers.
fn owner(text: &str) -> Result<Owner, String> {
    let (name, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
    let number =
        |text: &str, find: fn(&str) -> Option<u32>| text.parse().ok().or_else(|| find(text));
    let uid = match name {
        "" => None,
        name => Some(
            number(name, |name| user::user(name).map(|user| user.uid))
                .ok_or_else(|| format!("unable to find user {name}"))?,
        ),
    };
    let gid = match group.filter(|group| !group.is_empty()) {
        None => None,
        Some(group) => Some(
            number(group, user::group).ok_or_else(|| format!("unable to find group {group}"))?,
        ),
    };
    Ok((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_user_a_group_or_both() {
        let table = [
            ("root", Ok((Some(0), None))),
            ("0:0", Ok((Some(0), Some(0)))),
            ("root:root", Ok((Some(0), Some(0)))),
            (":0", Ok((None, Some(0)))),
            ("12345", Ok((Some(12345), None))),
            ("no-such-user:root", Err("unable to find user no-such-user".to_owned())),
            ("root:no-such-group", Err("unable to find group no-such-group".to_owned())),
        ];
        for (text, expected) in table {
            assert_eq!(owner(text), expected, "{text}");
        }
    }
}
