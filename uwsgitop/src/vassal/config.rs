//! The stats address in a configuration of a server: its command line, or a file of any kind.
//!
//! Reads no more of a configuration than that: the keys of the address, and what stands for names
//! in it. Refuses files that are none, that are too large, and names it cannot resolve.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// No configuration is larger.
const LARGEST: u64 = 1 << 20;

/// How deep names may stand for names.
const DEEPEST: usize = 8;

/// A stats address as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) address: String,
    /// It is asked by HTTP.
    pub(super) http: bool,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ini,
    Yaml,
    Json,
    Xml,
}

impl Kind {
    /// By the option that names such a file, or the end of its name.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "ini" | "ini-paste" => Self::Ini,
            "yaml" | "yml" => Self::Yaml,
            "json" | "js" => Self::Json,
            "xml" => Self::Xml,
            _ => return None,
        })
    }
}

/// Options with their values, in their order.
type Pairs = Vec<(String, String)>;

/// The address on a command line.
pub(super) fn of_words(words: &[String]) -> Option<Found> {
    let named = |word: &str| word.strip_prefix("--").is_some_and(is_stats);
    let apart = words.windows(2).find_map(|pair| match pair {
        [option, value] if named(option) => Some(value.clone()),
        _ => None,
    });
    let joined = || {
        let mut all = words.iter().filter_map(|word| word.split_once('='));
        all.find(|(option, _)| named(option)).map(|(_, value)| value.to_owned())
    };
    let address = apart.or_else(joined)?;
    Some(Found { address, http: words.iter().any(|word| word == "--stats-http") })
}

/// The text of a file.
///
/// # Errors
/// A sentence naming the file and what is wrong with it.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    // Opening a pipe would wait for somebody to write into it.
    let meta = fs::metadata(path).map_err(|error| told(&error))?;
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(told(&"is no configuration file"));
    }
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(|error| told(&error))?;
    file.take(LARGEST).read_to_end(&mut text).map_err(|error| told(&error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The address in a configuration, names in it resolved; nothing where it has none.
///
/// # Errors
/// A sentence naming a name that cannot be resolved.
pub(super) fn of_text(text: &str, kind: Kind, path: &Path) -> Result<Option<Found>, String> {
    let pairs = match kind {
        Kind::Ini => lines(text, '='),
        Kind::Yaml => lines(text, ':'),
        Kind::Json => json(text),
        Kind::Xml => xml(text),
    };
    let Some((_, address)) = pairs.iter().find(|(key, _)| is_stats(key)) else { return Ok(None) };
    let address = resolved(address, &pairs, path)?;
    let on = |value: &str| !matches!(value, "0" | "false" | "no" | "off");
    let http = pairs.iter().any(|(key, value)| key == "stats-http" && on(value));
    Ok(Some(Found { address, http }))
}

fn is_stats(key: &str) -> bool {
    matches!(key, "stats" | "stats-server")
}

fn lines(text: &str, between: char) -> Pairs {
    let line = |line: &str| {
        let line = line.trim().trim_start_matches("- ");
        let (key, value) = line.split_once(between)?;
        let quotes = ['"', '\''];
        let plain = |text: &str| text.trim().trim_matches(quotes).to_owned();
        (!line.starts_with(['#', ';', '['])).then(|| (plain(key), plain(value)))
    };
    text.lines().filter_map(line).collect()
}

fn json(text: &str) -> Pairs {
    let whole: Value = serde_json::from_str(text).unwrap_or_default();
    let section = whole.get("uwsgi").and_then(Value::as_object);
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let one = |(key, value): (&String, &Value)| {
        let values = value.as_array().map_or_else(|| vec![value], |all| all.iter().collect());
        values.iter().map(|value| (key.clone(), word(value))).collect::<Vec<_>>()
    };
    section.into_iter().flatten().flat_map(one).collect()
}

/// Elements with text alone in them, and empty ones.
fn xml(text: &str) -> Pairs {
    let mut pairs = Vec::new();
    for part in text.split('<').skip(1) {
        let Some((tag, value)) = part.split_once('>') else { continue };
        let key = tag.trim_end_matches('/').trim();
        if !key.starts_with(['/', '?', '!']) {
            pairs.push((key.to_owned(), value.trim().to_owned()));
        }
    }
    pairs
}

/// The text with what stands for something else replaced: `%n` and the like by parts of the file's
/// name, `%(name)` by the value of that key.
fn resolved(text: &str, pairs: &Pairs, path: &Path) -> Result<String, String> {
    let mut text = text.to_owned();
    for _ in 0..DEEPEST {
        let Some((before, rest)) = text.split_once('%') else { break };
        let (value, rest) = magic(rest, pairs, path)?;
        text = format!("{before}{value}{rest}");
    }
    if text.contains('%') || text.contains("$(") || text.contains("@(") {
        return Err(format!(
            "{}: the option stats is \"{text}\", which only the server can \
                            resolve: give its stats address",
            path.display()
        ));
    }
    Ok(text)
}

/// What stands after a percent sign: its value, and what follows.
fn magic<'a>(rest: &'a str, pairs: &Pairs, path: &Path) -> Result<(String, &'a str), String> {
    if let Some((name, rest)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let value = pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let value = value.ok_or_else(|| {
            format!("{}: the option stats names %({name}), which is not set there", path.display())
        })?;
        return Ok((value, rest));
    }
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut letters = rest.chars();
    let value = match letters.next() {
        Some('n') => text(path.file_stem()),
        Some('s') => text(path.file_name()),
        Some('p') => path.display().to_string(),
        Some('d') => format!("{}/", folder.display()).replace("//", "/"),
        Some('c') => text(folder.file_name()),
        Some('e') => text(path.extension()),
        letter => {
            let letter = letter.map(String::from).unwrap_or_default();
            return Err(format!(
                "{}: the option stats has %{letter}, which only the server can resolve: give its \
                 stats address",
                path.display()
            ));
        }
    };
    Ok((value, letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, kind: Kind) -> Result<Option<(String, bool)>, String> {
        let found = of_text(text, kind, Path::new("/srv/vassals/shop.ini"))?;
        Ok(found.map(|found| (found.address, found.http)))
    }

    #[test]
    fn every_kind_of_file_tells_its_address() {
        let plain = Ok(Some(("/run/shop.sock".to_owned(), false)));
        let web = Ok(Some((":1717".to_owned(), true)));
        for (text, kind, wanted) in [
            ("[uwsgi]\n; stats = no\nstats = /run/%n.sock\n", Kind::Ini, &plain),
            ("stats-server=:1717\nstats-http = true", Kind::Ini, &web),
            ("uwsgi:\n  stats: \"/run/shop.sock\"\n  stats-http: false\n", Kind::Yaml, &plain),
            ("{\"uwsgi\":{\"stats\":\":1717\",\"stats-http\":true}}", Kind::Json, &web),
            ("<uwsgi>\n<stats>/run/%n.sock</stats></uwsgi>", Kind::Xml, &plain),
            ("<uwsgi><stats-http/><stats>:1717</stats></uwsgi>", Kind::Xml, &web),
            ("home = /run\nstats = %(home)/%n.sock", Kind::Ini, &plain),
            ("[uwsgi]\nmaster = true", Kind::Ini, &Ok(None)),
            ("no json", Kind::Json, &Ok(None)),
        ] {
            assert_eq!(&found(text, kind), wanted, "{text}");
        }
    }

    #[test]
    fn names_that_only_the_server_knows_are_told() {
        for (text, part) in [
            ("stats = /run/%z", "%z"),
            ("stats = %(nobody)", "%(nobody)"),
            ("a = %(a)\nstats = %(a)", "only the server"),
            ("stats = $(HOME)/s", "only the server"),
            ("stats = %", "%"),
        ] {
            let error = found(text, Kind::Ini).unwrap_err();
            assert!(error.contains(part) && error.contains("shop.ini"), "{text}: {error}");
        }
        let all = "stats = %d%s %p %c %e";
        let wanted = "/srv/vassals/shop.ini /srv/vassals/shop.ini vassals ini";
        assert_eq!(found(all, Kind::Ini).unwrap().unwrap().0, wanted);
    }

    #[test]
    fn a_command_line_tells_it_first() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = |line| of_words(&words(line)).map(|found| (found.address, found.http));
        assert_eq!(found("uwsgi --stats :17 -M"), Some((":17".into(), false)));
        assert_eq!(found("uwsgi --stats-http --stats=/s"), Some(("/s".into(), true)));
        assert_eq!(found("uwsgi --ini a.ini --stats"), None);
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("no configuration file"));
        assert!(read(Path::new("/nowhere/a.ini")).unwrap_err().contains("/nowhere/a.ini"));
    }
}
