//! The start of a daemon: a fork of the master that becomes a command of the shell.
//!
//! The child leaves everything behind that is the server's: its signals, its session, its
//! descriptors, its user where another one is wanted. What goes wrong there is one line of the log
//! and an exit, which is a death like any other.

use std::ffi::OsString;

use uwsgi_duties::daemons::{Ids, Spec};
use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::{launch, signal, user};

use crate::instance::Instance;
use crate::settings::Settings;
use crate::sockets::plain;
use crate::{alarm, log, patch};

/// Who a daemon runs as.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The numbers, those of the server where no others are wanted.
    pub ids: Ids,
    /// Others are wanted.
    other: bool,
    /// Whose supplementary groups; nobody's without a name.
    name: Option<String>,
}

/// Looks up users and groups of all daemons. The error is the line for the log.
pub(crate) fn people(settings: &Settings) -> Result<Vec<Person>, String> {
    settings.policy.daemons.specs.iter().map(person).collect()
}

/// A user without a group brings the one that is his own.
fn person(spec: &Spec) -> Result<Person, String> {
    let (uid, gid) = user::effective();
    let owner = match &spec.uid {
        None => None,
        Some(text) => {
            let by_id = |uid| user::user_by_id(uid).unwrap_or_else(|| nameless(uid, gid));
            let found = text.parse().map_or_else(|_| user::user(text), |uid| Some(by_id(uid)));
            Some(found.ok_or_else(|| unknown(spec, "user", text))?)
        }
    };
    let group = match &spec.gid {
        None => None,
        Some(text) => {
            let found = text.parse().ok().or_else(|| user::group(text));
            Some(found.ok_or_else(|| unknown(spec, "group", text))?)
        }
    };
    let ids = Ids {
        uid: owner.as_ref().map_or(uid, |owner| owner.uid),
        gid: group.or(owner.as_ref().map(|owner| owner.gid)).unwrap_or(gid),
    };
    let name = owner.map(|owner| owner.name).filter(|name| !name.is_empty());
    Ok(Person { ids, other: spec.uid.is_some() || spec.gid.is_some(), name })
}

fn nameless(uid: u32, gid: u32) -> user::User {
    user::User { uid, gid, name: String::new() }
}

fn unknown(spec: &Spec, what: &str, name: &str) -> String {
    let command = &spec.command;
    format!(
        "--attach-daemon2: there is no {what} \"{name}\" to run \"{command}\" as: give a name or a \
         number that exists"
    )
}

/// Starts a daemon; its process, or why there is none. With `detach` it outlives the server.
pub(super) fn start(
    instance: &'static Instance,
    spec: &Spec,
    person: &Person,
    detach: bool,
) -> Result<i32, String> {
    match process::fork() {
        Ok(Fork::Parent(pid)) => Ok(pid),
        Ok(Fork::Child) => become_daemon(instance, spec, person, detach),
        Err(e) => Err(format!("fork(): {}", plain(&e))),
    }
}

fn become_daemon(instance: &'static Instance, spec: &Spec, person: &Person, detach: bool) -> ! {
    let bound = spec.is_dumb() && !detach;
    if bound {
        // Whoever outlives the server must not write into a pipe that only the server reads.
        alarm::enter(instance);
    }
    let why = match prepare(instance, spec, person, bound) {
        Err(text) => text,
        Ok(()) => {
            let shell: OsString = patch::shell(&instance.config).into();
            let argv = [shell.clone(), "-c".into(), spec.command.clone().into()];
            let env: Vec<_> = std::env::vars_os().collect();
            format!("{}: {}", shell.display(), plain(&process::exec(&shell, &argv, &env)))
        }
    };
    log!("[uwsgi-daemons] unable to spawn \"{}\": {why}", spec.command);
    process::exit_now(1)
}

/// Everything before the exec. `bound`: the daemon dies with the master.
fn prepare(instance: &Instance, spec: &Spec, person: &Person, bound: bool) -> Result<(), String> {
    let settings = &instance.settings;
    launch::plain_signals();
    process::new_session().map_err(|e| said("setsid", &e))?;
    if !(spec.stdin || settings.policy.daemons.honour_stdin) {
        launch::no_stdin().map_err(|e| said("open", &e))?;
    }
    launch::close_at_exec_but(&settings.safe_fds).map_err(|e| said("close_range", &e))?;
    if spec.ns_pid {
        // The init of the namespace ends with this process, and everybody in there with the init.
        if bound {
            die_with(instance)?;
        }
        launch::enter_pid_namespace().map_err(|e| said("unshare", &e))?;
    }
    if person.other {
        become_person(person)?;
    }
    if bound && !spec.ns_pid {
        // Another user forgets it, so it is said last.
        die_with(instance)?;
    }
    if let Some(dir) = &spec.chdir {
        std::env::set_current_dir(dir).map_err(|e| format!("chdir({dir}): {}", plain(&e)))?;
    }
    Ok(())
}

fn become_person(person: &Person) -> Result<(), String> {
    let Ids { uid, gid } = person.ids;
    if user::effective().0 == 0 {
        user::set_groups(person.name.as_deref(), gid).map_err(|e| said("setgroups", &e))?;
    }
    user::set_gid(gid).map_err(|e| said("setgid", &e))?;
    user::set_uid(uid).map_err(|e| said("setuid", &e))
}

/// The kernel ends this process with the master, which may be gone already.
fn die_with(instance: &Instance) -> Result<(), String> {
    process::die_with_parent(signal::SIGKILL).map_err(|e| said("prctl", &e))?;
    if process::parent_pid() != instance.master_pid() {
        process::exit_now(1);
    }
    Ok(())
}

fn said(call: &str, error: &std::io::Error) -> String {
    format!("{call}(): {}", plain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_whom(value: &str) -> Result<Person, String> {
        person(&Spec::parse("attach-daemon2", &format!("cmd=x{value}")).unwrap().spec)
    }

    #[test]
    fn a_user_is_a_name_or_a_number_and_brings_a_group() {
        let (uid, gid) = user::effective();
        let own = as_whom("").unwrap();
        assert_eq!((own.ids, own.other), (Ids { uid, gid }, false));
        let root = as_whom(",uid=root").unwrap();
        assert_eq!((root.ids, root.other), (Ids { uid: 0, gid: 0 }, true));
        assert_eq!(root.name.as_deref(), Some("root"));
        assert_eq!(as_whom(",uid=0,gid=4711").unwrap().ids, Ids { uid: 0, gid: 4711 });
        let nobody = as_whom(",uid=4000000000").unwrap();
        assert_eq!(
            (nobody.ids.uid, nobody.name),
            (4_000_000_000, None),
            "not every number has a name"
        );
    }

    #[test]
    fn who_does_not_exist_is_named() {
        let text = as_whom(",uid=no-such-user").unwrap_err();
        assert!(text.starts_with("--attach-daemon2: there is no user \"no-such-user\""), "{text}");
        let text = as_whom(",gid=no-such-group").unwrap_err();
        assert!(text.contains("no group \"no-such-group\" to run \"x\" as"), "{text}");
    }
}
