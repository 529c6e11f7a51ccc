//! The label set of a request in one word: app, method, code.
//!
//! Clients choose methods freely, so those that nobody registered are one; codes are classes unless
//! the configuration wants them exact. Nothing else of a request becomes a label.

/// A label set. The word 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey(pub(super) u64);

/// Registered methods; the one behind the last is any other.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// What clients made up.
const OTHER: &str = "_OTHER";

/// Label values of what found no room.
pub(super) const OVERFLOW: &str = "__overflow__";

/// Tells a label set from an empty word.
const SET: u64 = 1 << 63;
const METHOD_AT: u32 = 16;
const APP_AT: u32 = 24;
const APP_MASK: u64 = 0xffff_ffff;

impl RequestKey {
    /// All that found no room.
    pub(super) const REST: RequestKey = RequestKey(u64::MAX);

    /// The label set of a request: its app's slot, if one served it, and what it asked and got.
    #[inline]
    pub fn new(app: Option<u32>, method: &[u8], status: u16, exact: bool) -> RequestKey {
        let known = METHODS.iter().position(|name| name.as_bytes() == method);
        let method = known.unwrap_or(METHODS.len()) as u64;
        let code = match status {
            100..=599 if exact => status,
            100..=599 => status / 100,
            _ => 0,
        };
        let app = app.map_or(0, |app| u64::from(app) + 1);
        RequestKey(SET | (app & APP_MASK) << APP_AT | method << METHOD_AT | u64::from(code))
    }

    pub(super) fn is_some(self) -> bool {
        self.0 != 0
    }

    /// The slot of its app.
    pub(super) fn app(self) -> Option<u32> {
        if !self.is_some() || self == RequestKey::REST {
            return None;
        }
        u32::try_from(self.0 >> APP_AT & APP_MASK).ok()?.checked_sub(1)
    }

    /// Label `method`.
    pub(super) fn method(self) -> &'static str {
        if self == RequestKey::REST {
            return OVERFLOW;
        }
        METHODS.get((self.0 >> METHOD_AT & 0xff) as usize).copied().unwrap_or(OTHER)
    }

    /// Label `code`.
    pub(super) fn code(self) -> String {
        match self.0 & 0xffff {
            _ if self == RequestKey::REST => OVERFLOW.to_owned(),
            0 => "other".to_owned(),
            class @ 1..=5 => format!("{class}xx"),
            status => status.to_string(),
        }
    }
}
