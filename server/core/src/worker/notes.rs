//! What an application says about its running request besides answering it.
//!
//! Owns the values for the log line, added variables and the chunk at hand, kept per core and
//! cleared between requests. It refuses to grow without bound: names and values are cut, variables
//! share a budget.

/// Longest name or value of a log variable.
const LONGEST: usize = 255;

type Named = Vec<(Vec<u8>, Vec<u8>)>;

/// See the module.
#[derive(Default)]
pub(crate) struct Notes {
    logvars: Named,
    vars: Named,
    /// The request gets a log line whatever the configuration says.
    pub(crate) log_always: bool,
    /// The application has ended the connection.
    pub(crate) disconnected: bool,
    /// Bytes went to the client past the response.
    pub(crate) raw: bool,
    /// The body is read chunk by chunk.
    pub(crate) chunking: bool,
    /// The chunk at hand, as far as it has come.
    pub(crate) chunk: Vec<u8>,
    /// It was handed out: the next one begins.
    pub(crate) chunk_taken: bool,
}

/// A chunk buffer larger than this is given back after the request.
const KEEP: usize = 64 * 1024;

impl Notes {
    /// Nothing said.
    #[cfg(test)]
    pub(crate) const NONE: &'static Notes = &Notes {
        logvars: Vec::new(),
        vars: Vec::new(),
        log_always: false,
        disconnected: false,
        raw: false,
        chunking: false,
        chunk: Vec::new(),
        chunk_taken: false,
    };

    /// Forgets the last request.
    pub(crate) fn reset(&mut self) {
        self.logvars.clear();
        self.vars.clear();
        self.chunk.clear();
        if self.chunk.capacity() > KEEP {
            self.chunk = Vec::new();
        }
        (self.log_always, self.disconnected, self.raw) = (false, false, false);
        (self.chunking, self.chunk_taken) = (false, false);
    }

    /// Keeps a value for the log line.
    pub(crate) fn set_logvar(&mut self, key: &[u8], value: &[u8]) {
        let cut = |text: &[u8]| text[..text.len().min(LONGEST)].to_vec();
        let (key, value) = (cut(key), cut(value));
        match self.logvars.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.logvars.push((key, value)),
        }
    }

    /// A value for the log line.
    pub(crate) fn logvar(&self, key: &[u8]) -> Option<&[u8]> {
        self.logvars.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_slice())
    }

    /// All values for the log line, in the order in which they were first set.
    pub(crate) fn logvars(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.logvars.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// How many variables were added, and the bytes they take in a block.
    pub(crate) fn added(&self) -> (usize, usize) {
        (self.vars.len(), self.vars.iter().map(|(key, value)| size(key, value)).sum())
    }

    /// Adds a request variable, as long as all of them stay below `room` bytes.
    pub(crate) fn add_var(&mut self, key: &[u8], value: &[u8], room: usize) -> bool {
        let (_, used) = self.added();
        if key.is_empty() || used + size(key, value) >= room {
            return false;
        }
        self.vars.push((key.to_vec(), value.to_vec()));
        true
    }

    /// An added variable; the last one wins.
    pub(crate) fn var(&self, key: &[u8]) -> Option<&[u8]> {
        self.vars.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_slice())
    }
}

/// Bytes of a variable in a block.
fn size(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + 2 * size_of::<u16>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_variables_replace_each_other_and_are_cut() {
        let mut notes = Notes::default();
        notes.set_logvar(b"user", b"a");
        notes.set_logvar(b"user", &[b'x'; 300]);
        notes.set_logvar(&[b'k'; 300], b"v");
        assert_eq!(notes.logvar(b"user"), Some(&[b'x'; 255][..]));
        assert_eq!(notes.logvar(&[b'k'; 255]), Some(&b"v"[..]));
        notes.reset();
        assert_eq!(notes.logvar(b"user"), None, "the next request would be logged with it");
    }

    #[test]
    fn variables_share_a_budget_and_the_last_one_wins() {
        let mut notes = Notes::default();
        assert!(notes.add_var(b"A", b"1", 64) && notes.add_var(b"A", b"2", 64));
        assert_eq!(notes.var(b"A"), Some(&b"2"[..]));
        assert_eq!(notes.added(), (2, 12));
        assert!(!notes.add_var(b"B", &[b'x'; 60], 64) && !notes.add_var(b"", b"x", 64));
        assert_eq!(notes.var(b"B"), None);
    }
}
