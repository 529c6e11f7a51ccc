//! Who an instance becomes besides its `uid` and `gid`, and at which point of the start.

use uwsgi_config::Config;

/// Where in a start privileges are dropped. There is one such point in each configuration: what is
/// done there is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before anything of the instance is opened.
    Start,
    /// When the sockets are bound: `chown-socket` needs a privileged user for that.
    Sockets,
    /// When the plugins are ready: `drop-after-init`.
    Plugins,
    /// When the applications are loaded: `drop-after-apps`.
    Apps,
    /// In each process that the master starts; the master stays who it is: `master-as-root`.
    Child,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Privileges {
    /// When they are dropped.
    pub point: Point,
    /// Supplementary groups, by name or number, instead of those of the user.
    pub further_groups: Vec<String>,
    /// No supplementary groups.
    pub no_initgroups: bool,
    /// The new root directory.
    pub root: Option<String>,
    /// Capabilities to keep, by name or number.
    pub capabilities: Vec<String>,
    /// The log file goes to the new user.
    pub own_log: bool,
}

impl Privileges {
    pub(super) fn from_config(config: &Config) -> Privileges {
        let words = |name: &str| -> Vec<String> {
            let all = config.values(name).flat_map(|text| text.split(','));
            all.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        Privileges {
            point: point(&|name| config.flag(name), config.has("chown-socket")),
            further_groups: config.values("add-gid").map(str::to_owned).collect(),
            no_initgroups: config.flag("no-initgroups"),
            root: config.last("chroot").map(str::to_owned),
            capabilities: words("cap"),
            own_log: config.flag("logfile-chown"),
        }
    }
}

/// The latest point that anything asks for.
fn point(flag: &dyn Fn(&str) -> bool, chown_socket: bool) -> Point {
    if flag("master-as-root") {
        Point::Child
    } else if flag("drop-after-apps") {
        Point::Apps
    } else if flag("drop-after-init") {
        Point::Plugins
    } else if chown_socket {
        Point::Sockets
    } else {
        Point::Start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_point_counts() {
        let all = ["master-as-root", "drop-after-apps", "drop-after-init"];
        let points = [Point::Child, Point::Apps, Point::Plugins];
        for from in 0..all.len() {
            let given = &all[from..];
            assert_eq!(point(&|name| given.contains(&name), true), points[from], "{given:?}");
        }
        assert_eq!(point(&|_| false, true), Point::Sockets);
        assert_eq!(point(&|_| false, false), Point::Start);
    }
}
