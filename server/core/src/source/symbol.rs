//! `sym://`, `call://`, `callint://`: what symbols of the process hold or answer.
//!
//! A symbol is one of a library loaded with `dlopen`, or a file that was built into the binary.

use uwsgi_config::SourceError;
use uwsgi_sys::symbol::{self, address, bytes_at, text_at};

use super::Embedded;

/// `sym://name`: a built-in file, a text, or an object file made from a file, whose symbols are
/// `_binary_<name>_start` and `_binary_<name>_end`.
pub(super) fn content(name: &str, embedded: &Embedded) -> Result<Vec<u8>, SourceError> {
    let built_in = embedded.files.iter().find(|(known, _)| *known == name);
    let found = built_in.map(|(_, bytes)| bytes.to_vec());
    found
        .or_else(|| text(name))
        .or_else(|| object(name))
        .ok_or_else(|| SourceError::new(format!("unable to find symbol _binary_{name}_start")))
}

/// The text of a variable: `char *name`, or `char name[]` where that leads nowhere.
fn text(name: &str) -> Option<Vec<u8>> {
    let address = address(name)?;
    let pointer = bytes_at(address, size_of::<usize>()).ok()?;
    let pointer = usize::from_ne_bytes(pointer.try_into().ok()?);
    text_at(pointer).or_else(|_| text_at(address)).ok()
}

fn object(name: &str) -> Option<Vec<u8>> {
    let start = address(&format!("_binary_{name}_start"))?;
    let end = address(&format!("_binary_{name}_end"))?;
    bytes_at(start, end.checked_sub(start)?).ok()
}

/// `call://name`: the text that a function answers.
pub(super) fn call(name: &str) -> Result<Vec<u8>, SourceError> {
    let answer = symbol::call_text(name).ok_or_else(|| missing(name))?;
    let silent = || format!("called symbol {name} did not return a string");
    answer.ok_or_else(|| SourceError::new(silent()))
}

/// `callint://name`: the number that a function answers, as text.
pub(super) fn call_int(name: &str) -> Result<Vec<u8>, SourceError> {
    let number = symbol::call_int(name).ok_or_else(|| missing(name))?;
    Ok(number.to_string().into_bytes())
}

fn missing(name: &str) -> SourceError {
    SourceError::new(format!("unable to find symbol {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_comes_first_and_what_is_missing_is_named() {
        let embedded = Embedded { config: None, files: &[("a_ini", b"[uwsgi]")] };
        assert_eq!(content("a_ini", &embedded).unwrap(), b"[uwsgi]");
        let texts = [
            (content("none", &embedded), "unable to find symbol _binary_none_start"),
            (call("no_such_symbol"), "unable to find symbol no_such_symbol"),
            (call("getpid"), "called symbol getpid did not return a string"),
            (call_int("no_such_symbol"), "unable to find symbol no_such_symbol"),
        ];
        for (answer, text) in texts {
            assert_eq!(answer.unwrap_err().text, text);
        }
        assert_eq!(call_int("getpid").unwrap(), std::process::id().to_string().into_bytes());
    }
}
