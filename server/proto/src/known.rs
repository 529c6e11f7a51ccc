//! The variables the core itself consumes, named once and found while a block is filled.
//!
//! The request path never searches for a variable: [`classify`] runs on each key as it is
//! written, and [`Known`] reads by position.

use crate::vars::VarBlock;

macro_rules! vars {
    ($($len:literal { $($name:literal => $var:ident,)+ })+) => {
        /// A variable the core consumes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is the variable of the same name, listed below")]
        pub enum Var { $($($var,)+)+ }

        /// How many there are.
        pub(crate) const SLOTS: usize = [$($(Var::$var,)+)+].len();

        /// Which variable a key names. Keys are grouped by length, and those of one length told
        /// apart by one letter, so a foreign key costs a jump and a handful of comparisons of a byte.
        pub(crate) fn classify(key: &[u8]) -> Option<Var> {
            match key.len() {
                $($len => {
                    const TELLING: usize = telling($len);
                    let letter = key.get(TELLING);
                    $(if letter == Some(&$name[TELLING]) && key == $name { return Some(Var::$var); })+
                    None
                })+
                _ => None,
            }
        }

        #[cfg(test)]
        pub(crate) const TABLE: &[(&[u8], Var, usize)] = &[$($(($name, Var::$var, $len),)+)+];
    };
}

/// Place of the letter by which most keys of a length differ: behind `HTTP_`, where it has that.
const fn telling(len: usize) -> usize {
    if len > 5 { 5 } else { 0 }
}

vars! {
    5 { b"HTTPS" => Https, }
    9 {
        b"HTTP_HOST" => Host,
        b"PATH_INFO" => PathInfo,
    }
    10 {
        b"UWSGI_FILE" => UwsgiFile,
        b"UWSGI_HOME" => UwsgiHome,
        b"HTTP_RANGE" => Range,
    }
    11 {
        b"REQUEST_URI" => RequestUri,
        b"SCRIPT_NAME" => ScriptName,
        b"SERVER_NAME" => ServerName,
        b"SERVER_PORT" => ServerPort,
        b"REMOTE_ADDR" => RemoteAddr,
        b"REMOTE_PORT" => RemotePort,
        b"REMOTE_USER" => RemoteUser,
        b"HTTP_COOKIE" => Cookie,
        b"HTTP_EXPECT" => Expect,
        b"HTTP_ORIGIN" => Origin,
        b"UWSGI_APPID" => AppId,
        b"UWSGI_CHDIR" => UwsgiChdir,
    }
    12 {
        b"QUERY_STRING" => QueryString,
        b"CONTENT_TYPE" => ContentType,
        b"HTTP_REFERER" => Referer,
        b"HTTP_UPGRADE" => Upgrade,
        b"UWSGI_SCHEME" => UwsgiScheme,
        b"UWSGI_SCRIPT" => UwsgiScript,
        b"UWSGI_MODULE" => UwsgiModule,
        b"UWSGI_PYHOME" => UwsgiPyhome,
        b"UWSGI_SETENV" => UwsgiSetenv,
    }
    13 {
        b"DOCUMENT_ROOT" => DocumentRoot,
        b"HTTP_IF_RANGE" => IfRange,
    }
    14 {
        b"REQUEST_METHOD" => RequestMethod,
        b"CONTENT_LENGTH" => ContentLength,
        b"UWSGI_CALLABLE" => UwsgiCallable,
        b"UWSGI_POSTFILE" => UwsgiPostfile,
    }
    15 {
        b"SERVER_PROTOCOL" => ServerProtocol,
        b"HTTP_USER_AGENT" => UserAgent,
        b"HTTP_CONNECTION" => Connection,
        b"UWSGI_CACHE_GET" => UwsgiCacheGet,
    }
    16 { b"HTTP_TRACEPARENT" => Traceparent, }
    18 {
        b"HTTP_AUTHORIZATION" => Authorization,
        b"UWSGI_TOUCH_RELOAD" => UwsgiTouchReload,
    }
    20 {
        b"HTTP_ACCEPT_ENCODING" => AcceptEncoding,
        b"HTTP_X_FORWARDED_FOR" => XForwardedFor,
        b"HTTP_X_FORWARDED_SSL" => XForwardedSsl,
        b"HTTP_X_REQUEST_START" => XRequestStart,
    }
    22 {
        b"HTTP_TRANSFER_ENCODING" => TransferEncoding,
        b"HTTP_X_FORWARDED_PROTO" => XForwardedProto,
        b"HTTP_IF_MODIFIED_SINCE" => IfModifiedSince,
        b"HTTP_SEC_WEBSOCKET_KEY" => WebsocketKey,
    }
    27 { b"HTTP_SEC_WEBSOCKET_PROTOCOL" => WebsocketProtocol, }
}

/// A view of those variables. Accessors answer an empty slice for an absent variable; use
/// [`Known::get`] where the difference matters.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    block: &'a VarBlock,
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident => $var:ident,)+) => {
        impl<'a> Known<'a> {
            $($(#[$doc])* #[inline] pub fn $name(self) -> &'a [u8] { self.value(Var::$var) })+
        }
    };
}

accessors! {
    /// `REQUEST_METHOD`.
    method => RequestMethod,
    /// `REQUEST_URI`, as sent.
    uri => RequestUri,
    /// `PATH_INFO`, decoded.
    path_info => PathInfo,
    /// `QUERY_STRING`.
    query_string => QueryString,
    /// `SERVER_PROTOCOL`.
    protocol => ServerProtocol,
    /// `SCRIPT_NAME`.
    script_name => ScriptName,
    /// `DOCUMENT_ROOT`.
    document_root => DocumentRoot,
    /// `CONTENT_TYPE`.
    content_type => ContentType,
    /// `REMOTE_ADDR`; the first one of the block.
    remote_addr => RemoteAddr,
    /// `REMOTE_PORT`.
    remote_port => RemotePort,
    /// `REMOTE_USER`.
    remote_user => RemoteUser,
    /// `HTTP_USER_AGENT`.
    user_agent => UserAgent,
    /// `HTTP_REFERER`.
    referer => Referer,
    /// `HTTP_COOKIE`.
    cookie => Cookie,
    /// `HTTP_AUTHORIZATION`.
    authorization => Authorization,
    /// `HTTP_ACCEPT_ENCODING`.
    accept_encoding => AcceptEncoding,
    /// `HTTP_X_FORWARDED_FOR`, unparsed.
    x_forwarded_for => XForwardedFor,
    /// `HTTP_TRACEPARENT`: the trace the client says it belongs to.
    traceparent => Traceparent,
    /// `HTTP_X_REQUEST_START`: when a server in front got it.
    x_request_start => XRequestStart,
    /// `UWSGI_APPID`.
    app_id => AppId,
    /// `UWSGI_POSTFILE`: a file that stands for the body.
    post_file => UwsgiPostfile,
}

impl<'a> Known<'a> {
    #[inline]
    pub(crate) fn new(block: &'a VarBlock) -> Self {
        Self { block }
    }

    /// The value of `var`, if it was sent.
    #[inline]
    pub fn get(self, var: Var) -> Option<&'a [u8]> {
        self.block.position(var).map(|i| self.block.val_at(i))
    }

    #[inline]
    fn value(self, var: Var) -> &'a [u8] {
        self.get(var).unwrap_or(b"")
    }

    /// Whether a variable names an application to load.
    pub fn names_app(self) -> bool {
        let vars = [Var::UwsgiScript, Var::UwsgiModule, Var::UwsgiFile];
        vars.into_iter().any(|var| self.block.position(var).is_some())
    }

    /// Whether a variable is for the environment of the process.
    pub fn sets_environment(self) -> bool {
        self.block.position(Var::UwsgiSetenv).is_some()
    }

    /// `HTTP_HOST`, else `SERVER_NAME`.
    pub fn host(self) -> &'a [u8] {
        self.get(Var::Host).unwrap_or_else(|| self.value(Var::ServerName))
    }

    /// The leading digits of `CONTENT_LENGTH`, 0 without any, saturating.
    pub fn content_length(self) -> u64 {
        self.value(Var::ContentLength)
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .fold(0u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0')))
    }

    /// Whether `CONTENT_LENGTH` says anything.
    pub fn has_content_length(self) -> bool {
        !self.value(Var::ContentLength).is_empty()
    }

    /// True when `HTTPS` or `X-Forwarded-SSL` says so: begins with `on` or `1`.
    pub fn https(self) -> bool {
        let on = |v: &[u8]| {
            v.first() == Some(&b'1') || v.get(..2).is_some_and(|p| p.eq_ignore_ascii_case(b"on"))
        };
        on(self.value(Var::Https)) || on(self.value(Var::XForwardedSsl))
    }

    /// The URL scheme: `UWSGI_SCHEME` or `X-Forwarded-Proto` (the later one), else by
    /// [`Known::https`].
    pub fn scheme(self) -> &'a [u8] {
        let explicit = [Var::UwsgiScheme, Var::XForwardedProto];
        let last = explicit.into_iter().filter_map(|v| self.block.position(v)).max();
        match last {
            Some(i) => self.block.val_at(i),
            None if self.https() => b"https",
            None => b"http",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_filed_under_its_length() {
        for (name, var, len) in TABLE {
            assert_eq!(name.len(), *len, "{}", String::from_utf8_lossy(name));
            assert_eq!(classify(name), Some(*var));
        }
    }

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn block(pairs: Pairs<'_>) -> VarBlock {
        let mut b = VarBlock::new();
        for (k, v) in pairs {
            b.push(k.as_bytes(), v.as_bytes()).unwrap();
        }
        b
    }

    #[test]
    fn content_length_is_the_leading_digits() {
        for (text, want) in [
            ("3abc", 3),
            ("-3", 0),
            ("3, 5", 3),
            ("", 0),
            ("18446744073709551615", u64::MAX),
            ("99999999999999999999", u64::MAX),
        ] {
            assert_eq!(block(&[("CONTENT_LENGTH", text)]).known().content_length(), want, "{text}");
        }
    }

    #[test]
    fn scheme_follows_the_stated_precedence() {
        let cases: [(Pairs<'_>, &[u8]); 7] = [
            (&[], b"http"),
            (&[("HTTPS", "ON")], b"https"),
            (&[("HTTPS", "1")], b"https"),
            (&[("HTTPS", "off")], b"http"),
            (&[("HTTP_X_FORWARDED_SSL", "on")], b"https"),
            (&[("HTTPS", "on"), ("HTTP_X_FORWARDED_PROTO", "ftp")], b"ftp"),
            (&[("HTTP_X_FORWARDED_PROTO", "a"), ("UWSGI_SCHEME", "b")], b"b"),
        ];
        for (pairs, want) in cases {
            assert_eq!(block(pairs).known().scheme(), want, "{pairs:?}");
        }
    }

    #[test]
    fn first_remote_addr_and_last_of_everything_else_win() {
        let b = block(&[
            ("REMOTE_ADDR", "1"),
            ("REMOTE_ADDR", "2"),
            ("PATH_INFO", "/a"),
            ("PATH_INFO", "/b"),
        ]);
        assert_eq!(b.known().remote_addr(), b"1");
        assert_eq!(b.known().path_info(), b"/b");
    }

    #[test]
    fn server_name_stands_in_for_a_missing_host() {
        assert_eq!(block(&[("SERVER_NAME", "s")]).known().host(), b"s");
        assert_eq!(block(&[("HTTP_HOST", "h"), ("SERVER_NAME", "s")]).known().host(), b"h");
    }
}
