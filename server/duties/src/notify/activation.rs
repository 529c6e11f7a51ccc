//! Sockets that somebody else has opened: systemd, the socket bridge of Upstart.

use std::ops::Range;

use crate::Line;

/// What the environment says; `None` where a variable is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `LISTEN_PID`.
    pub listen_pid: Option<String>,
    /// `LISTEN_FDS`.
    pub listen_fds: Option<String>,
    /// `LISTEN_FDNAMES`.
    pub listen_fdnames: Option<String>,
    /// `UPSTART_EVENTS`.
    pub upstart_events: Option<String>,
    /// `UPSTART_FDS`.
    pub upstart_fds: Option<String>,
    /// `UPSTART_JOB`.
    pub upstart_job: Option<String>,
}

/// One inherited descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// Its number.
    pub fd: i32,
    /// Its name, empty without one.
    pub name: String,
}

/// What is to be done with it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Descriptors to serve, in their order.
    pub fds: Vec<Inherited>,
    /// The line for the log.
    pub line: Option<Line>,
    /// Variables to remove, so that no child takes them for its own.
    pub unset: Vec<&'static str>,
    /// Descriptor 0 is not looked at.
    pub skip_zero: bool,
}

/// The first descriptor that systemd hands over.
const FIRST: i32 = 3;

/// More than any manager hands over; a larger number is a mistake, not a list.
const MOST: i32 = 65_536;

/// Reads the environment of process `pid`. `reloads`: this image is not the first, and the
/// variables are not meant for it; its sockets come from the one before. The error is the line for
/// the log, and the server must not start.
pub fn plan(env: &Environment, pid: i32, reloads: bool) -> Result<Plan, String> {
    if reloads {
        return Ok(Plan::default());
    }
    let ours = env.listen_pid.as_deref().and_then(number) == Some(pid);
    match &env.listen_fds {
        Some(fds) if ours => systemd(fds, env.listen_fdnames.as_deref()),
        _ if env.upstart_events.as_deref() == Some("socket") => upstart(env),
        _ => Ok(Plan::default()),
    }
}

fn systemd(fds: &str, names: Option<&str>) -> Result<Plan, String> {
    let count = number(fds).filter(|count| (0..=MOST).contains(count));
    let count = count.ok_or_else(|| {
        format!("invalid LISTEN_FDS \"{fds}\": a number from 0 to {MOST} is needed")
    })?;
    if count == 0 {
        return Ok(Plan::default());
    }
    let mut names = names.unwrap_or_default().split(':');
    let fd = |fd| Inherited { fd, name: names.next().unwrap_or_default().to_owned() };
    let all: Range<i32> = FIRST..FIRST + count;
    Ok(Plan {
        fds: all.map(fd).collect(),
        line: Some(Line::plain("- SystemD socket activation detected -")),
        unset: vec!["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"],
        skip_zero: true,
    })
}

fn upstart(env: &Environment) -> Result<Plan, String> {
    let Some(fds) = env.upstart_fds.as_deref() else { return Ok(Plan::default()) };
    let fd = number(fds).filter(|fd| *fd >= 0).ok_or_else(|| {
        format!("invalid UPSTART_FDS \"{fds}\": the number of a file descriptor is needed")
    })?;
    let job = env.upstart_job.as_deref().unwrap_or_default();
    Ok(Plan {
        fds: vec![Inherited { fd, name: String::new() }],
        line: Some(Line::plain(format!("- Upstart socket bridge detected (job: {job}) -"))),
        unset: vec!["UPSTART_EVENTS", "UPSTART_FDS"],
        skip_zero: true,
    })
}

fn number(text: &str) -> Option<i32> {
    text.trim().parse().ok()
}

impl Plan {
    /// The descriptor for `fd://name`. Of several with one name, `taken` are in use already.
    pub fn find(&self, name: &str, taken: &[i32]) -> Option<i32> {
        let fits = |one: &&Inherited| one.name == name && !taken.contains(&one.fd);
        self.fds.iter().filter(|one| !one.name.is_empty()).find(fits).map(|one| one.fd)
    }
}

/// Which declared socket each inherited one stands for: an equal address means the declared one is
/// not bound again, and gives the inherited one its protocol and modifiers. Both sides are
/// addresses in one spelling; each declared socket is given away once.
pub fn declared_for(inherited: &[String], declared: &[String]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = declared.iter().map(|_| true).collect();
    let mut take = |address: &String| {
        let equal = declared.iter().zip(free.iter_mut()).enumerate();
        let mut equal = equal.filter(|(_, (other, free))| **free && *other == address);
        equal.next().map(|(at, (_, free))| {
            *free = false;
            at
        })
    };
    inherited.iter().map(&mut take).collect()
}
