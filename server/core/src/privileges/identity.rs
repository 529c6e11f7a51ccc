//! The user and the groups an instance takes on: names to numbers, and the change itself.

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use uwsgi_sys::user::{self, User};

use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// Who is taken on; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `uid`.
    pub user: Option<User>,
    /// `gid`.
    pub gid: Option<u32>,
    /// `add-gid`.
    pub further: Vec<u32>,
}

impl Identity {
    /// Looks up what the configuration names; the error is the line for the log.
    pub(crate) fn resolve(settings: &Settings) -> Result<Identity, String> {
        let gid = settings.gid.as_deref();
        let gid = gid.map(|name| group(name).ok_or_else(|| format!("group {name} not found.")));
        let user = settings.uid.as_deref();
        let user = user.map(|name| owner(name).ok_or_else(|| format!("user {name} not found.")));
        let further = settings.policy.privileges.further_groups.iter();
        let further =
            further.map(|name| group(name).ok_or_else(|| format!("unable to find group {name}")));
        Ok(Identity {
            gid: gid.transpose()?,
            user: user.transpose()?,
            further: further.collect::<Result<_, _>>()?,
        })
    }

    /// Whether this user, in these groups, may change what `meta` describes: write to a file, make
    /// and remove files in a directory.
    pub(crate) fn may_change(&self, meta: &std::fs::Metadata) -> bool {
        let uid = self.user.as_ref().map_or_else(|| user::effective().0, |user| user.uid);
        let gid = self.gid.unwrap_or_else(|| user::effective().1);
        let needed = if meta.is_dir() { 0o3 } else { 0o2 };
        let shift = match () {
            () if uid == 0 => return true,
            () if meta.uid() == uid => 6,
            () if meta.gid() == gid || self.further.contains(&meta.gid()) => 3,
            () => 0,
        };
        (meta.mode() >> shift) & needed == needed
    }

    /// A log file belongs to this user from now on. A terminal or a pipe stays with whoever made it.
    pub(crate) fn take_the_log(&self) -> Result<(), String> {
        let [_, log] = crate::early::outputs();
        let Ok(log) = uwsgi_sys::fd::duplicate(log) else { return Ok(()) };
        let log = std::fs::File::from(log);
        let file = log.metadata().is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_file() || kind.is_fifo()
        });
        if !file {
            return Ok(());
        }
        let uid = self.user.as_ref().map(|user| user.uid);
        std::os::unix::fs::fchown(&log, uid, self.gid)
            .map_err(|e| format!("fchown(): {} [core/logging.c line {}]", plain(&e), line!()))
    }

    /// Takes on the group, and the supplementary groups that go with it.
    pub(crate) fn become_group(&self, no_initgroups: bool) -> Result<(), String> {
        if let Some(gid) = self.gid {
            log!("setgid() to {gid}");
            user::set_gid(gid).map_err(|e| format!("setgid(): {}", plain(&e)))?;
        }
        if self.gid.is_none() && self.user.is_none() && self.further.is_empty() {
            return Ok(());
        }
        let name = self.user.as_ref().filter(|_| self.gid.is_some() && !no_initgroups);
        let name = name.map(|user| user.name.as_str()).filter(|name| !name.is_empty());
        match self.further.is_empty() {
            true => user::set_groups(name, self.gid.unwrap_or(0)),
            false => user::set_group_list(&self.further),
        }
        .map_err(|e| format!("setgroups(): {}", plain(&e)))?;
        let own = self.gid.unwrap_or_else(|| user::effective().1);
        for gid in user::groups().into_iter().filter(|gid| *gid != own) {
            match user::group_name(gid) {
                Some(name) => log!("set additional group {gid} ({name})"),
                None => log!("set additional group {gid}"),
            }
        }
        Ok(())
    }

    /// Takes on the user.
    pub(crate) fn become_user(&self) -> Result<(), String> {
        let Some(user) = &self.user else { return Ok(()) };
        log!("setuid() to {}", user.uid);
        user::set_uid(user.uid).map_err(|e| format!("setuid(): {}", plain(&e)))
    }
}

fn group(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| user::group(name))
}

fn owner(name: &str) -> Option<User> {
    match name.parse::<u32>() {
        Ok(uid) => {
            let unnamed = User { uid, gid: uid, name: String::new() };
            Some(user::user_by_id(uid).unwrap_or(unnamed))
        }
        Err(_) => user::user(name),
    }
}
