//! The words that say where the numbers come from: addresses, arenas, and how to get in.
//!
//! Owns their names, values and complaints. A source that is named twice is refused, because one
//! of the two would be silently wrong about which is which.

use std::path::PathBuf;

use crate::arena::Place;
use crate::source::access::Access;
use crate::source::address::Address;

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A stats server.
    Address(Address),
    /// The arena in a file, or of a running master.
    Arena(Place),
}

/// Option names and whether a value follows.
pub(super) const NAMES: &[(&str, bool)] = &[
    ("--arena", true),
    ("--pid", true),
    ("--no-arena", false),
    ("--insecure", false),
    ("--ca", true),
    ("--cert", true),
    ("--key", true),
    ("--token-file", true),
];

/// What was said so far.
#[derive(Default)]
pub(super) struct Draft {
    /// Sources in the order of the command line.
    pub(super) origins: Vec<Origin>,
    /// How to read them.
    pub(super) access: Access,
}

impl Draft {
    /// Takes in a word that is no option.
    pub(super) fn address(&mut self, word: &str) -> Result<(), String> {
        let address = Address::parse(word)?;
        // As it is printed: the word itself may have a password in it.
        let shown = address.to_string();
        self.add(Origin::Address(address), &shown)
    }

    /// Takes in one of [`NAMES`]; false when it is none of them.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "--arena" => self.add(Origin::Arena(Place::File(value.into())), value)?,
            "--pid" => self.add(Origin::Arena(Place::Process(pid(value)?)), value)?,
            "--no-arena" => self.access.no_arena = true,
            "--insecure" => self.access.insecure = true,
            "--ca" => self.access.authorities = Some(file(name, value)?),
            "--cert" => self.access.certificate = Some(file(name, value)?),
            "--key" => self.access.key = Some(file(name, value)?),
            "--token-file" => self.access.token_file = Some(file(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All of it.
    ///
    /// # Errors
    /// The complaint about what goes with none of the sources, or not together.
    pub(super) fn finish(self) -> Result<(Vec<Origin>, Access), String> {
        let Access { insecure, authorities, certificate, key, token_file, no_arena, .. } =
            &self.access;
        let alone = |name, wanted| Err(format!("argument {name}: {wanted}"));
        if authorities.is_some() && *insecure {
            return alone("--ca", "not allowed with argument --insecure");
        }
        if key.is_some() && certificate.is_none() {
            return alone("--key", "the key is that of a certificate, add --cert FILE");
        }
        let encrypted = [
            ("--insecure", *insecure),
            ("--ca", authorities.is_some()),
            ("--cert", certificate.is_some()),
        ];
        for (name, said) in encrypted {
            if said && !self.any(|address| address.web() == Some(true)) {
                return alone(name, "no source is an https:// address");
            }
        }
        if token_file.is_some() && !self.any(|address| address.web().is_some()) {
            return alone("--token-file", "no source is an https:// or http:// address");
        }
        if *no_arena && !self.any(|_| true) {
            return alone("--no-arena", "no source is a stats address");
        }
        Ok((self.origins, self.access))
    }

    fn any(&self, wanted: impl Fn(&Address) -> bool) -> bool {
        self.origins.iter().any(|origin| matches!(origin, Origin::Address(a) if wanted(a)))
    }

    fn add(&mut self, origin: Origin, word: &str) -> Result<(), String> {
        if self.origins.contains(&origin) {
            return Err(format!("the source \"{word}\" is named twice"));
        }
        self.origins.push(origin);
        Ok(())
    }
}

fn file(name: &str, value: &str) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err(format!("argument {name}: the file has no name"));
    }
    Ok(value.into())
}

fn pid(value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(0) | Err(_) => {
            Err(format!("argument --pid: invalid value: \"{value}\", allowed is a process id"))
        }
        Ok(pid) => Ok(pid),
    }
}

#[cfg(test)]
mod tests {
    use crate::args::{Wish, parse};

    #[test]
    fn what_would_change_nothing_is_refused() {
        for (line, part) in [
            ("--ca /c --insecure https://h", "--insecure"),
            ("--key /k https://h", "--cert FILE"),
            ("--ca /c http://h", "no source is an https://"),
            ("--insecure h:1", "no source is an https://"),
            ("--cert /c", "no source is an https://"),
            ("--token-file /t h:1", "https:// or http://"),
            ("--token-file= http://h", "has no name"),
            ("--no-arena --pid 3", "no source is a stats address"),
            ("https://me:s3cret@h https://me:s3cret@h", "\"https://h:443/\" is named twice"),
            ("--control --fifo /f h:1 h:2", "--fifo"),
            ("--fifo /f", "--fifo"),
        ] {
            let told = parse(line.split_whitespace().map(str::to_owned)).unwrap_err();
            assert!(told.contains(part) && !told.contains("s3cret"), "{line}: {told}");
        }
    }

    #[test]
    fn the_ways_in_are_kept() {
        let line = "--ca /a --cert /c --key /k --token-file /t --no-arena https://h h:1";
        let Ok(Wish::Run(options)) = parse(line.split_whitespace().map(str::to_owned)) else {
            panic!("{line}")
        };
        let access = &options.access;
        assert_eq!(access.authorities, Some("/a".into()));
        assert_eq!((&access.certificate, &access.key), (&Some("/c".into()), &Some("/k".into())));
        assert_eq!(access.token_file, Some("/t".into()));
        assert!(access.no_arena && !access.insecure);
    }
}
