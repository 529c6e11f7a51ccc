//! Which apps the options ask for, in which order.
//!
//! It owns reading `mount` and the fixed order of the app options. Pure: no interpreter here.

use uwsgi_abi::plugin::ServerRef;

/// How an app is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `pkg.mod[:callable]`.
    Module,
    /// A Python file.
    File,
    /// Source text.
    Eval,
    /// A paste.deploy URI.
    Paste,
    /// A Pecan configuration.
    Pecan,
}

/// An app that shall be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) value: Vec<u8>,
    pub(crate) mountpoint: Vec<u8>,
    /// Failure to load it ends the process with status 22.
    pub(crate) fatal: bool,
}

/// Exit code when an app that must load does not.
pub(crate) const NO_APP: i32 = 22;

/// What one `mount` value means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// An app for this plugin.
    App(Wanted),
    /// Nothing here loads that.
    Unknown(Vec<u8>),
    /// No `mountpoint=app`.
    Invalid,
}

/// Reads `mountpoint=app`.
pub(crate) fn mount(value: &[u8]) -> Mount {
    let Some(at) = value.iter().position(|&b| b == b'=') else { return Mount::Invalid };
    let (mountpoint, app) = (value.get(..at), value.get(at + 1..));
    let (mountpoint, app) = (mountpoint.unwrap_or_default(), app.unwrap_or_default());
    let (kind, fatal) = match app {
        a if a.ends_with(b".py") || a.ends_with(b".wsgi") => (Kind::File, true),
        a if a.ends_with(b".ini") && a.contains(&b':') => (Kind::Paste, true),
        a if a.contains(&b':') => (Kind::Module, false),
        a => return Mount::Unknown(a.to_vec()),
    };
    Mount::App(Wanted { kind, value: app.to_vec(), mountpoint: mountpoint.to_vec(), fatal })
}

/// All apps of the options, in load order; the error is the exit code.
pub(crate) fn all(server: ServerRef) -> Result<Vec<Wanted>, i32> {
    let mut wanted = Vec::new();
    let options = [
        ("module", Kind::Module, false),
        ("wsgi-file", Kind::File, false),
        ("pecan", Kind::Pecan, true),
        ("paste", Kind::Paste, true),
        ("eval", Kind::Eval, true),
    ];
    for (option, kind, fatal) in options {
        if let Some(value) = server.option_last(option) {
            wanted.push(Wanted { kind, value: value.to_vec(), mountpoint: Vec::new(), fatal });
        }
    }
    for value in server.option_all("mount") {
        match mount(value) {
            Mount::App(app) => wanted.push(app),
            Mount::Unknown(app) => server.log(&format!("no plugin able to load {}", text(&app))),
            Mount::Invalid => {
                server.log(&format!("invalid mountpoint: {}", text(value)));
                return Err(1);
            }
        }
    }
    Ok(wanted)
}

/// Bytes for a log line.
pub(crate) fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_by_what_it_ends_with() {
        for (value, kind, fatal) in [
            ("/a=app.py", Some(Kind::File), true),
            ("/a=/srv/app.wsgi", Some(Kind::File), true),
            ("/a=config:/srv/x.ini", Some(Kind::Paste), true),
            ("/a=pkg:app", Some(Kind::Module), false),
            ("/a=pkg:make(\"x=y\")", Some(Kind::Module), false),
            ("/a=app.rb", None, false),
        ] {
            match (mount(value.as_bytes()), kind) {
                (Mount::App(app), Some(kind)) => {
                    assert_eq!((app.kind, app.fatal), (kind, fatal), "{value}");
                    assert_eq!(app.mountpoint, b"/a", "{value}");
                }
                (Mount::Unknown(app), None) => assert_eq!(app, b"app.rb"),
                (other, _) => panic!("{value}: {other:?}"),
            }
        }
        assert_eq!(mount(b"/a"), Mount::Invalid);
    }
}
