//! Static probes of the binary (USDT): the one table of their names and arguments, and how they fire.
//!
//! A probe is a `nop` in the code, a note in the ELF file that says where it is and where its
//! arguments lie, and a counter, the semaphore, that a tracer raises while it listens. Without a
//! listener a site is three instructions, the counter's address, a comparison with zero and a branch;
//! its arguments are not even computed. A request on a kept connection passes three sites; with a
//! listener that counts, each is 0.4 us. Probes need no option, no privilege of the server and no
//! code at its start.
//!
//! A probe fires from a function that is neither generic nor dropped into many places: the linker
//! may discard a copy, and its note would be left without an address.
//!
//! Everything is made of [`TABLE`]: the functions below, `docs/usdt.md`, and the test that compares
//! both with the notes of the binary. A text is passed as its address and its length, which are two
//! arguments of the note; it does not end in a NUL.
//!
//! It refuses to know what it describes: numbers and bytes come in, and nothing goes out.

// The note, the semaphore and the asm come from the `probe` crate.
#![forbid(unsafe_code)]

mod fire;
mod table;

pub use table::*;

/// A probe as tracers list it.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name, behind the provider `uwsgi`.
    pub name: &'static str,
    /// When it fires.
    pub about: &'static str,
    /// What comes with it.
    pub arguments: &'static [Argument],
}

/// An argument of a probe.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What it is.
    pub name: &'static str,
    /// `text`, or the type of a number.
    pub kind: &'static str,
}

impl Probe {
    /// The arguments as they are numbered in the note: a text is two.
    pub fn slots(&self) -> Vec<String> {
        let each = self.arguments.iter().flat_map(|argument| match argument.kind {
            "text" => vec![argument.name.to_owned(), format!("{}_len", argument.name)],
            _ => vec![argument.name.to_owned()],
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_arguments_fit_every_tracer() {
        let mut names: Vec<_> = TABLE.iter().map(|probe| probe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for probe in TABLE {
            let slots = probe.slots().len();
            assert!((1..=10).contains(&slots), "{}: bpftrace knows arg0 to arg9", probe.name);
            assert!(probe.about.trim().ends_with('.'), "{}", probe.name);
        }
    }

    #[test]
    fn arguments_are_not_computed_without_a_listener() {
        let mut computed = false;
        request__app(|| {
            computed = true;
            (1, 0, 0)
        });
        log__drop(|| {
            computed = true;
            (1,)
        });
        assert!(!computed);
    }
}
