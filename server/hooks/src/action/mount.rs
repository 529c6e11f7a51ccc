//! Arguments of `mount` and `umount`, and the calls that a mount needs.
//!
//! The flags are two tables: numbers of one mean something else in the other.

use super::Wrong;
use super::words::split;

/// Flags of a mount by name, as the kernel numbers them.
pub const MOUNT_FLAGS: &[(&str, u32)] = &[
    ("ro", 1),
    ("rdonly", 1),
    ("readonly", 1),
    ("nosuid", 1 << 1),
    ("nodev", 1 << 2),
    ("noexec", 1 << 3),
    ("sync", 1 << 4),
    ("remount", REMOUNT),
    ("mandlock", 1 << 6),
    ("dirsync", 1 << 7),
    ("nosymfollow", 1 << 8),
    ("noatime", 1 << 10),
    ("bind", BIND),
    ("move", MOVE),
    ("rec", REC),
    ("recursive", REC),
    ("unbindable", 1 << 17),
    ("private", 1 << 18),
    ("slave", 1 << 19),
    ("shared", 1 << 20),
    ("relatime", 1 << 21),
    ("strictatime", 1 << 24),
    ("defaults", 0),
];

/// Flags of an unmount by name; `rec` is none of the kernel.
pub const UMOUNT_FLAGS: &[(&str, u32)] = &[("force", 1), ("detach", 1 << 1)];

const REMOUNT: u32 = 1 << 5;
const BIND: u32 = 1 << 12;
const MOVE: u32 = 1 << 13;
const REC: u32 = 1 << 14;
/// Flags that change how mounts spread; they go alone, at most with `rec`.
const SPREAD: u32 = (1 << 17) | (1 << 18) | (1 << 19) | (1 << 20);
/// Flags of one mount, which a bind ignores until it is mounted again.
const OF_MOUNT: u32 =
    1 | (1 << 1) | (1 << 2) | (1 << 3) | (1 << 8) | (1 << 10) | (1 << 21) | (1 << 24);

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Type of the filesystem; may be empty.
    pub fs: String,
    /// What is mounted; `none` is nothing special.
    pub source: String,
    /// Where.
    pub target: String,
    /// Numbers of [`MOUNT_FLAGS`] together.
    pub flags: u32,
    /// Options of the filesystem.
    pub data: Option<String>,
}

/// An unmount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Umount {
    /// Where.
    pub target: String,
    /// Numbers of [`UMOUNT_FLAGS`] together.
    pub flags: u32,
    /// Everything below goes first.
    pub recursive: bool,
}

/// One call of the kernel for a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its flags.
    pub flags: u32,
    /// It changes the flags of what is mounted: those that the mount has stay.
    pub keeps: bool,
}

impl Mount {
    /// Reads `fs source mountpoint [flags [data]]`.
    pub(crate) fn parse(argument: &str) -> Result<Mount, Wrong> {
        let mut words = split(argument).into_iter();
        let syntax = || Wrong::Text("uwsgi_mount_hook() invalid syntax".into());
        let (fs, source) = (words.next().ok_or_else(syntax)?, words.next().ok_or_else(syntax)?);
        let target = words.next().filter(|target| !target.is_empty()).ok_or_else(syntax)?;
        let flags = match words.next() {
            Some(names) => flags(&names, "mount", MOUNT_FLAGS)?,
            None => 0,
        };
        let data = words.next();
        match words.next() {
            Some(_) => Err(syntax()),
            None => Ok(Mount { fs, source, target, flags, data }),
        }
    }

    /// The calls it takes. A bind with flags like `ro` needs a second one, because the kernel
    /// ignores them in the first; how it spreads is a call of its own. With `rec` such flags reach
    /// the mount on top, not those below it.
    pub fn steps(&self) -> Vec<Step> {
        let step = |flags, keeps| Step { flags, keeps };
        if self.flags & BIND == 0 || self.flags & (REMOUNT | MOVE) != 0 {
            return vec![step(self.flags, false)];
        }
        let mut steps = vec![step(self.flags & (BIND | REC), false)];
        if self.flags & OF_MOUNT != 0 {
            steps.push(step(REMOUNT | BIND | (self.flags & OF_MOUNT), true));
        }
        if self.flags & SPREAD != 0 {
            steps.push(step(self.flags & (SPREAD | REC), false));
        }
        steps
    }
}

impl Umount {
    /// Reads `mountpoint [flags]`.
    pub(crate) fn parse(argument: &str) -> Result<Umount, Wrong> {
        let mut words = split(argument).into_iter();
        let syntax = || Wrong::Text("uwsgi_umount_hook() invalid syntax".into());
        let target = words.next().filter(|target| !target.is_empty()).ok_or_else(syntax)?;
        let names = words.next().unwrap_or_default();
        if words.next().is_some() {
            return Err(syntax());
        }
        let is_rec = |name: &&str| matches!(*name, "rec" | "recursive");
        let recursive = names.split(',').any(|name| is_rec(&name));
        let others: Vec<_> = names.split(',').filter(|name| !is_rec(name)).collect();
        let flags = flags(&others.join(","), "umount", UMOUNT_FLAGS)?;
        Ok(Umount { target, flags, recursive })
    }
}

fn flags(names: &str, call: &str, table: &[(&str, u32)]) -> Result<u32, Wrong> {
    names.split(',').filter(|name| !name.is_empty()).try_fold(0, |flags, name| {
        match table.iter().find(|(known, _)| *known == name) {
            Some((_, bits)) => Ok(flags | bits),
            None => Err(Wrong::Stop(format!("unknown {call} flag \"{name}\""))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(fs: &str, source: &str, target: &str, flags: u32, data: Option<&str>) -> Mount {
        let data = data.map(str::to_owned);
        Mount { fs: fs.into(), source: source.into(), target: target.into(), flags, data }
    }

    #[test]
    fn a_mount_is_three_to_five_words() {
        for (argument, expected) in [
            ("proc none /proc", mount("proc", "none", "/proc", 0, None)),
            ("none /old/dev /dev bind", mount("none", "/old/dev", "/dev", BIND, None)),
            (
                "proc none /proc nodev hidepid=2",
                mount("proc", "none", "/proc", 4, Some("hidepid=2")),
            ),
            ("\"\" '/a b' /c ro,rec,bind", mount("", "/a b", "/c", 1 | REC | BIND, None)),
            ("tmpfs none /t defaults,,noexec", mount("tmpfs", "none", "/t", 8, None)),
        ] {
            assert_eq!(Mount::parse(argument), Ok(expected), "{argument}");
        }
        let told = Wrong::Text("uwsgi_mount_hook() invalid syntax".into());
        for argument in ["", "proc", "proc none", "proc none \"\"", "a b /c ro d e"] {
            assert_eq!(Mount::parse(argument), Err(told.clone()), "{argument}");
        }
    }

    #[test]
    fn flags_of_the_other_table_are_unknown() {
        let stop = |text: &str| Wrong::Stop(text.to_owned());
        for (flags, name) in [("bind,foo", "foo"), ("force", "force"), ("detach", "detach")] {
            let told = stop(&format!("unknown mount flag \"{name}\""));
            assert_eq!(Mount::parse(&format!("a b /c {flags}")), Err(told));
        }
        assert_eq!(Umount::parse("/c rec,ro"), Err(stop("unknown umount flag \"ro\"")));
        for (name, _) in MOUNT_FLAGS {
            assert!(Mount::parse(&format!("a b /c {name}")).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unmount_takes_its_flags() {
        let umount = |flags, recursive| Ok(Umount { target: "/old".into(), flags, recursive });
        assert_eq!(Umount::parse("/old"), umount(0, false));
        assert_eq!(Umount::parse("/old rec,detach"), umount(2, true));
        assert_eq!(Umount::parse("/old recursive,force,"), umount(1, true));
        let told = Wrong::Text("uwsgi_umount_hook() invalid syntax".into());
        for argument in ["", "\"\"", "/a detach x"] {
            assert_eq!(Umount::parse(argument), Err(told.clone()), "{argument}");
        }
    }

    #[test]
    fn a_bind_with_flags_is_mounted_again() {
        let steps = |argument: &str| {
            let steps = Mount::parse(&format!("none /a /b {argument}")).unwrap().steps();
            steps.into_iter().map(|step| (step.flags, step.keeps)).collect::<Vec<_>>()
        };
        assert_eq!(steps("bind"), [(BIND, false)]);
        assert_eq!(steps("bind,rec"), [(BIND | REC, false)]);
        assert_eq!(steps("bind,ro"), [(BIND, false), (REMOUNT | BIND | 1, true)]);
        assert_eq!(
            steps("bind,rec,nosuid,private"),
            [(BIND | REC, false), (REMOUNT | BIND | 2, true), ((1 << 18) | REC, false)]
        );
        assert_eq!(steps("remount,bind,ro"), [(REMOUNT | BIND | 1, false)]);
        assert_eq!(steps("ro,nosuid"), [(3, false)]);
        assert_eq!(steps("rec,private"), [(REC | (1 << 18), false)]);
        assert_eq!(steps(""), [(0, false)]);
    }
}
