//! Hooks with something in front: the file of `hook-touch`, the namespaces of
//! `hook-as-emperor-setns`. The first blank ends it; the value itself stays whole.

use std::path::PathBuf;

/// A value of `hook-touch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The file or directory that is watched.
    pub file: PathBuf,
    /// What runs, as [`crate::run_one`] takes it.
    pub hook: String,
}

/// A value of `hook-as-emperor-setns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setns {
    /// Names below `/proc/<pid>/ns`, in the order in which they are entered.
    pub namespaces: Vec<String>,
    /// What runs, as [`crate::run_one`] takes it.
    pub hook: String,
}

impl Touch {
    /// Reads `<file> <action>:<arguments>`; the error is the line for the log.
    pub fn parse(value: &str) -> Result<Touch, String> {
        let (file, hook) = split(value)?;
        Ok(Touch { file: file.into(), hook })
    }
}

impl Setns {
    /// Reads `<namespace>[,<namespace>] <action>:<arguments>`; the error is the line for the log.
    pub fn parse(value: &str) -> Result<Setns, String> {
        let (names, hook) = split(value)?;
        let namespaces: Vec<_> =
            names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if namespaces.is_empty() || namespaces.iter().any(|name| name.contains(['/', '.'])) {
            return Err(format!("invalid namespaces in hook-as-emperor-setns: {names}"));
        }
        Ok(Setns { namespaces, hook })
    }
}

fn split(value: &str) -> Result<(&str, String), String> {
    let parts = value.split_once(' ').map(|(front, hook)| (front, hook.trim_start()));
    let parts = parts.filter(|(front, hook)| !front.is_empty() && hook.contains(':'));
    let (front, hook) = parts.ok_or("invalid hook syntax, must be hook:args")?;
    Ok((front, hook.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_blank_ends_the_file() {
        let wrong = || Err("invalid hook syntax, must be hook:args".to_owned());
        for (value, expected) in [
            ("/f exec:a b", Ok(("/f", "exec:a b"))),
            ("/f  !exec:a", Ok(("/f", "!exec:a"))),
            ("/a:b print:", Ok(("/a:b", "print:"))),
            ("/f", wrong()),
            ("/f exec", wrong()),
            ("exec:a", wrong()),
            (" exec:a", wrong()),
            ("", wrong()),
        ] {
            let got = Touch::parse(value);
            let got = got.as_ref().map(|t| (t.file.to_str().unwrap(), t.hook.as_str()));
            assert_eq!(got.map_err(Clone::clone), expected, "{value}");
        }
    }

    #[test]
    fn namespaces_are_names_in_their_order() {
        let read = |value| Setns::parse(value).map(|s| (s.namespaces.join(" "), s.hook));
        assert_eq!(read("net,mnt exec:ip a"), Ok(("net mnt".into(), "exec:ip a".into())));
        let told =
            |names: &str| Err(format!("invalid namespaces in hook-as-emperor-setns: {names}"));
        assert_eq!(read(", exec:a"), told(","));
        assert_eq!(read("../1/net exec:a"), told("../1/net"));
    }
}
