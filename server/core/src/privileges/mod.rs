//! Becoming somebody with fewer privileges: one sequence, once in each start.
//!
//! Owns the order of its steps, which users rely on; the point of the start where it happens is
//! [`Point`]. Without the privileges to drop any it only looks whether the configuration asks for
//! something that is not so already, and refuses then. Nothing is regained at a reload: the next
//! image starts as who this one became.

mod capabilities;
mod identity;

use uwsgi_config::Config;
use uwsgi_hooks::Phase;
use uwsgi_hooks::wait::Stage;
use uwsgi_sys::user;

pub(crate) use self::identity::Identity;
use crate::halt::Halt;
use crate::hooks::{self, Who};
use crate::policy::Point;
use crate::settings::Settings;
use crate::sockets::plain;
use crate::{log, patch, pidfile};

pub(crate) use capabilities::hand_over as hand_over_capabilities;

/// Drops privileges if `here` is where that happens. `reload` is true in an image that replaced
/// another one.
pub(crate) fn drop_at(
    here: Point,
    config: &Config,
    settings: &Settings,
    reload: bool,
) -> Result<(), Halt> {
    match settings.policy.privileges.point == here {
        true => drop(config, settings, reload),
        false => Ok(()),
    }
}

fn drop(config: &Config, settings: &Settings, reload: bool) -> Result<(), Halt> {
    let wanted = &settings.policy.privileges;
    if user::effective().0 != 0 {
        stay(settings, reload)?;
        if wanted.point != Point::Child {
            hooks::tell_skipped(settings);
        }
        hooks::wait(settings, Stage::BeforeDrop).map_err(Halt::Said)?;
        capabilities::settle(&capabilities::mask(&wanted.capabilities)?)?;
        return Ok(patch::become_other(config, "unprivileged", &settings.argv)?);
    }
    if settings.uid.is_none() && wanted.point != Point::Child {
        log!("uWSGI running as root, you can use --uid/--gid/--chroot options");
    }
    let kept = capabilities::keep(&wanted.capabilities)?;
    phase(settings, Phase::PostJail)?;
    let outside = Identity::resolve(settings);
    // Of what the master did before it replaced itself; its children are new.
    let first = !reload || wanted.point == Point::Child;
    if first {
        change_root(settings)?;
    }
    hooks::wait(settings, Stage::BeforeDrop).map_err(Halt::Said)?;
    phase(settings, Phase::AsRoot)?;
    let who = Identity::resolve(settings).or(outside)?;
    if wanted.own_log {
        who.take_the_log()?;
    }
    if !reload && wanted.point != Point::Child {
        pidfile::before_drop(settings, &who)?;
    }
    who.become_group(wanted.no_initgroups)?;
    who.become_user()?;
    if user::effective().0 == 0 {
        log!("*** WARNING: you are running uWSGI as root !!! (use the --uid flag) *** ");
    }
    capabilities::settle(&kept)?;
    phase(settings, Phase::AsUser)?;
    Ok(patch::become_other(config, "unprivileged", &settings.argv)?)
}

/// For a trial of a reload: whether the change would be possible. Nothing is changed.
pub(crate) fn rehearse(settings: &Settings) -> Result<(), String> {
    capabilities::mask(&settings.policy.privileges.capabilities)?;
    match user::effective().0 {
        0 => Identity::resolve(settings).map(|_| ()),
        _ => stay(settings, true),
    }
}

/// For a trial of a reload: becomes the user, without what runs around it.
pub(crate) fn rehearse_drop(settings: &Settings) -> Result<(), String> {
    if user::effective().0 != 0 {
        return Ok(());
    }
    let who = Identity::resolve(settings)?;
    who.become_group(settings.policy.privileges.no_initgroups)?;
    who.become_user()
}

/// What the configuration runs around the change; children that change each for itself too.
fn phase(settings: &Settings, phase: Phase) -> Result<(), Halt> {
    let child = settings.policy.privileges.point == Point::Child;
    let who = if child { Who::Child } else { Who::Launcher };
    hooks::run(settings, who, phase).map_err(Halt::Said)
}

/// Without privileges: what is asked for must be so already.
fn stay(settings: &Settings, reload: bool) -> Result<(), String> {
    if settings.policy.privileges.root.is_some() && !reload {
        return Err("cannot chroot() as non-root user".into());
    }
    let (uid, gid) = user::effective();
    let who = Identity::resolve(settings)?;
    if who.gid.is_some_and(|wanted| wanted != gid) {
        return Err("cannot setgid() as non-root user".into());
    }
    if who.user.is_some_and(|wanted| wanted.uid != uid) {
        return Err("cannot setuid() as non-root user".into());
    }
    Ok(())
}

/// The directory that is `/` from now on; where we are would lead out of it.
fn change_root(settings: &Settings) -> Result<(), String> {
    let Some(root) = &settings.policy.privileges.root else { return Ok(()) };
    log!("chroot() to {root}");
    let failed = |what: &str, e: std::io::Error| {
        format!("{what}: {} [core/uwsgi.c line {}]", plain(&e), line!())
    };
    rustix::process::chroot(root.as_str())
        .map_err(|e| failed(&format!("chroot(\"{root}\")"), e.into()))?;
    std::env::set_current_dir("/").map_err(|e| failed("chdir(\"/\")", e))
}
