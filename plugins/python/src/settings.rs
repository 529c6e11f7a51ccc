//! The options that requests look at, read once.
//!
//! It owns their defaults. It refuses options that belong to the server (tolerances, limits).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use uwsgi_abi::plugin::ServerRef;

/// `body-read-warning` where it is not given, MiB.
const BODY_READ_WARNING: u64 = 8;

/// Options of the request path.
pub(crate) struct Settings {
    /// `wsgi-strict`: a returned bytes object is iterated like anything else.
    pub(crate) strict: bool,
    /// `wsgi-accept-buffer`: chunks may be any buffer object.
    pub(crate) accept_buffer: bool,
    /// `start_response-nodelay`: headers leave inside `start_response`.
    pub(crate) nodelay: bool,
    /// `write-errors-exception-only`: a lost client raises where the application stands.
    pub(crate) throw_write_exception: bool,
    /// `disable-write-exception`: a lost client raises nothing.
    pub(crate) disable_write_exception: bool,
    /// `catch-exceptions`: answer uncaught exceptions with a text page.
    pub(crate) catch_exceptions: bool,
    /// `exception-handler`: the log tells all about them; the server knows no other handler.
    pub(crate) log_exceptions: bool,
    /// `exception-500`: answer uncaught exceptions with the plain 500 page.
    pub(crate) exception_500: bool,
    /// `post-buffering` is on: `wsgi.input` can seek.
    pub(crate) post_buffering: bool,
    /// Rules of `reload-on-exception` and its relatives.
    pub(crate) reload: ReloadRules,
    /// `error-page-500`: files for status 500, the first that can be read.
    pub(crate) error_pages: Vec<PathBuf>,
    /// `threads` is 1: `uwsgi.env` is kept.
    pub(crate) keep_env: bool,
    /// `body-read-warning`: MiB of a body that one call may take without a word.
    pub(crate) body_read_warning: u64,
}

/// When an uncaught exception ends the worker.
pub(crate) struct ReloadRules {
    /// `reload-on-exception`.
    pub(crate) any: bool,
    /// `reload-on-exception-type`: class names, with or without module.
    pub(crate) types: Vec<Vec<u8>>,
    /// `reload-on-exception-value`: messages.
    pub(crate) values: Vec<Vec<u8>>,
    /// `reload-on-exception-repr`: `class: message`.
    pub(crate) reprs: Vec<Vec<u8>>,
}

impl ReloadRules {
    /// Whether an exception of that class (`module.name`) and message ends the worker.
    pub(crate) fn matches(&self, class: &str, message: &str) -> bool {
        let short = class.rsplit('.').next().unwrap_or(class);
        let repr = format!("{class}: {message}");
        let short_repr = format!("{short}: {message}");
        let has = |list: &[Vec<u8>], text: &str| list.iter().any(|v| v == text.as_bytes());
        self.any
            || has(&self.types, class)
            || has(&self.types, short)
            || has(&self.values, message)
            || has(&self.reprs, &repr)
            || has(&self.reprs, &short_repr)
    }
}

impl Settings {
    /// Everything off.
    pub(crate) const DEFAULT: Settings = Settings {
        strict: false,
        accept_buffer: false,
        nodelay: false,
        throw_write_exception: false,
        disable_write_exception: false,
        catch_exceptions: false,
        log_exceptions: false,
        exception_500: false,
        post_buffering: false,
        reload: ReloadRules {
            any: false,
            types: Vec::new(),
            values: Vec::new(),
            reprs: Vec::new(),
        },
        error_pages: Vec::new(),
        keep_env: false,
        body_read_warning: BODY_READ_WARNING,
    };

    /// Reads them from the server.
    pub(crate) fn read(server: &ServerRef) -> Settings {
        let list = |name| server.option_all(name).map(<[u8]>::to_vec).collect();
        Settings {
            strict: server.flag("wsgi-strict"),
            accept_buffer: server.flag("wsgi-accept-buffer"),
            nodelay: server.flag("start_response-nodelay"),
            throw_write_exception: server.flag("write-errors-exception-only"),
            disable_write_exception: server.flag("disable-write-exception"),
            catch_exceptions: server.flag("catch-exceptions"),
            log_exceptions: server.option("exception-handler", 0).is_some(),
            exception_500: server.flag("exception-500"),
            post_buffering: server.flag("post-buffering"),
            reload: ReloadRules {
                any: server.flag("reload-on-exception"),
                types: list("reload-on-exception-type"),
                values: list("reload-on-exception-value"),
                reprs: list("reload-on-exception-repr"),
            },
            error_pages: server
                .option_all("error-page-500")
                .map(|path| PathBuf::from(OsStr::from_bytes(path)))
                .collect(),
            keep_env: server.info().cores <= 1,
            body_read_warning: server
                .option("body-read-warning", 0)
                .and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok())
                .unwrap_or(BODY_READ_WARNING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_match_by_class_message_or_both() {
        let rules = ReloadRules {
            any: false,
            types: vec![b"ValueError".to_vec(), b"app.Fatal".to_vec()],
            values: vec![b"boom".to_vec()],
            reprs: vec![b"KeyError: 'x'".to_vec()],
        };
        for (class, message, ends) in [
            ("builtins.ValueError", "any", true),
            ("app.Fatal", "any", true),
            ("other.Fatal", "any", false),
            ("builtins.TypeError", "boom", true),
            ("builtins.KeyError", "'x'", true),
            ("builtins.KeyError", "'y'", false),
        ] {
            assert_eq!(rules.matches(class, message), ends, "{class}: {message}");
        }
    }
}
