//! Who may read the metrics: users with passwords, bearers of tokens.
//!
//! Secrets may stand in files, one in each line. They are compared in a time that does not depend
//! on where they differ, and never shown.

use std::hint::black_box;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What a client must say one of.
#[derive(Default)]
pub(crate) struct Credentials {
    /// Whole values of the header `Authorization`, without the scheme, basic ones decoded.
    basic: Vec<String>,
    bearer: Vec<String>,
}

impl Credentials {
    /// Reads `basic:USER:PASSWORD` and `bearer:TOKEN`; `@FILE` instead of what follows the scheme.
    pub(super) fn read(configured: &[String]) -> Result<Credentials, String> {
        let mut out = Credentials::default();
        for text in configured {
            check(text)?;
            let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
            let secrets = match rest.strip_prefix('@') {
                Some(path) => lines(path)?,
                None => vec![rest.to_owned()],
            };
            if secrets.is_empty() || !secrets.iter().all(|secret| is_whole(scheme, secret)) {
                return Err(shape());
            }
            let into = if scheme == "basic" { &mut out.basic } else { &mut out.bearer };
            into.extend(secrets);
        }
        Ok(out)
    }

    /// What an answer to a stranger asks for; nothing when everybody may read.
    pub(crate) fn challenge(&self) -> Option<&'static str> {
        match (self.basic.is_empty(), self.bearer.is_empty()) {
            (true, true) => None,
            (true, false) => Some("Bearer"),
            (false, _) => Some("Basic realm=\"metrics\", charset=\"UTF-8\""),
        }
    }

    /// Whether a value of the header `Authorization` is one of them.
    pub(crate) fn admit(&self, authorization: Option<&str>) -> bool {
        if self.challenge().is_none() {
            return true;
        }
        let Some((scheme, said)) = authorization.and_then(|text| text.trim().split_once(' '))
        else {
            return false;
        };
        let said = said.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return among(&self.bearer, said.as_bytes());
        }
        let said = scheme.eq_ignore_ascii_case("basic").then(|| decode(said)).flatten();
        said.is_some_and(|said| among(&self.basic, &said))
    }
}

/// Whether a value can be meant, as far as it shows without its file.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    let known = matches!(scheme, "basic" | "bearer");
    let whole = rest.strip_prefix('@').map_or_else(|| is_whole(scheme, rest), |p| !p.is_empty());
    if known && whole { Ok(()) } else { Err(shape()) }
}

fn is_whole(scheme: &str, secret: &str) -> bool {
    match scheme {
        "basic" => secret.split_once(':').is_some_and(|(user, _)| !user.is_empty()),
        _ => !secret.is_empty(),
    }
}

fn shape() -> String {
    // The value may be a secret.
    "option \"prometheus-auth\": basic:USER:PASSWORD, bearer:TOKEN, or @FILE behind the scheme is needed"
        .to_owned()
}

fn lines(path: &str) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("unable to read {path}: {}", crate::sockets::plain(&e)))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

/// All are compared, whichever fits.
fn among(known: &[String], said: &[u8]) -> bool {
    known.iter().fold(false, |found, secret| found | same(secret.as_bytes(), said))
}

/// Takes as long as what was said is, wherever the two differ.
fn same(secret: &[u8], said: &[u8]) -> bool {
    let mut differs = u8::from(secret.len() != said.len());
    for (place, byte) in said.iter().enumerate() {
        differs |= black_box(byte ^ secret.get(place).copied().unwrap_or(0));
    }
    black_box(differs) == 0
}

/// The text behind `Basic`, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, CONFIG).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Credentials {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Credentials::read(&texts).unwrap()
    }

    #[test]
    fn only_the_right_words_are_admitted() {
        let both = of(&["basic:ada:s3:cret", "bearer:abc"]);
        let cases = [
            (Some("Basic YWRhOnMzOmNyZXQ="), true),
            (Some("basic  YWRhOnMzOmNyZXQ"), true),
            (Some("Basic YWRhOnMzOmNyZXQx"), false),
            (Some("Basic YWRhOnMzOmNyZQ=="), false),
            (Some("Basic %%%"), false),
            (Some("Basic "), false),
            (Some("Bearer abc"), true),
            (Some("Bearer abd"), false),
            (Some("Bearer ab"), false),
            (Some("Bearer"), false),
            (Some("Digest abc"), false),
            (Some(""), false),
            (None, false),
        ];
        for (said, want) in cases {
            assert_eq!(both.admit(said), want, "{said:?}");
        }
        assert!(of(&[]).admit(None), "without credentials everybody may read");
        assert!(!of(&["bearer:x"]).admit(Some("Basic eA==")), "a token is no password");
    }

    #[test]
    fn secrets_stand_in_files_too_and_halves_are_refused() {
        let path = std::env::temp_dir().join(format!("uwsgi-auth-{}", std::process::id()));
        std::fs::write(&path, "# users\nada:x\n\nbob:y\n").unwrap();
        let users = of(&[&format!("basic:@{}", path.display())]);
        std::fs::remove_file(&path).unwrap();
        assert!(users.admit(Some("Basic Ym9iOnk=")));
        for bad in
            ["", "basic", "basic:ada", "basic::x", "bearer:", "digest:x", "basic:@/nonexistent"]
        {
            assert!(Credentials::read(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
