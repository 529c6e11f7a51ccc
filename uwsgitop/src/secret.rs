//! What must never stand on a screen or in a recording: credentials in request variables and URIs.
//!
//! Owns the words by which they are known; readers of sources pass requests through here, so that
//! no picture ever holds a secret. It would rather hide too much: the stats document itself has
//! everything for who may read it.

/// What stands for a secret.
const HIDDEN: &str = "...";

/// A name that has one of these in it, whatever stands between the words, holds a secret.
const PARTS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "cookie",
    "credential",
    "session",
    "jwt",
    "signature",
    "saml",
];

/// A name that is one of these holds a secret.
const WHOLE: [&str; 10] =
    ["auth", "key", "otp", "pass", "passcode", "pin", "pwd", "pw", "sid", "sig"];

/// A variable's value, without what must not be seen.
pub(crate) fn value(name: &str, value: &str) -> String {
    let name = name.strip_prefix("HTTP_").unwrap_or(name);
    if secret(name) && !value.is_empty() {
        return HIDDEN.to_owned();
    }
    match name {
        "REQUEST_URI" | "REFERER" | "UNENCODED_URL" => uri(value),
        "QUERY_STRING" => query(value),
        // Proxies and applications have many names for where a request came from.
        _ if value.contains('?') || value.contains("://") => uri(value),
        _ => value.to_owned(),
    }
}

/// A URI without the secrets of its query and without a password in front of its host.
pub(crate) fn uri(uri: &str) -> String {
    let (path, rest) = uri.split_once('?').map_or((uri, None), |(path, rest)| (path, Some(rest)));
    let path = parameters(&without_password(path));
    rest.map_or_else(|| path.clone(), |rest| format!("{path}?{}", query(rest)))
}

/// A path without the secrets that its segments have behind a semicolon.
fn parameters(path: &str) -> String {
    let shown = |segment: &str| match segment.split_once(';') {
        Some((name, rest)) => format!("{name};{}", query(rest)),
        None => segment.to_owned(),
    };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

fn without_password(path: &str) -> String {
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let (authority, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{after}"),
        None => path.to_owned(),
    }
}

fn query(query: &str) -> String {
    let shown = |piece: &str| {
        let pair = piece.trim_end_matches(['&', ';']);
        let end = piece.get(pair.len()..).unwrap_or_default();
        match pair.split_once('=') {
            Some((name, value)) if secret(&decoded(name)) && !value.is_empty() => {
                format!("{name}={HIDDEN}{end}")
            }
            _ => piece.to_owned(),
        }
    };
    query.split_inclusive(['&', ';']).map(shown).collect()
}

fn secret(name: &str) -> bool {
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let plain = letters.strip_prefix('x').unwrap_or(&letters);
    WHOLE.iter().any(|word| letters == *word || plain == *word)
        || PARTS.iter().any(|part| letters.contains(part))
}

/// A name with its `%XX` undone, as the application will read it.
fn decoded(name: &str) -> String {
    let mut text = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let byte = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        text.push(byte.map_or('%', char::from));
        rest = byte.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_whatever_they_are_called() {
        for name in [
            "HTTP_AUTHORIZATION",
            "HTTP_PROXY_AUTHORIZATION",
            "HTTP_COOKIE",
            "HTTP_X_API_KEY",
            "HTTP_X_AUTH",
            "HTTP_X_CSRF_TOKEN",
            "DB_PASSWORD",
        ] {
            assert_eq!(value(name, "s3cret"), "...", "{name}");
        }
        for name in ["HTTP_HOST", "REMOTE_USER", "AUTH_TYPE", "HTTP_ACCEPT", "REQUEST_METHOD"] {
            assert_eq!(value(name, "plain"), "plain", "{name}");
        }
        assert_eq!(value("HTTP_COOKIE", ""), "", "an empty one tells that it is empty");
    }

    #[test]
    fn queries_keep_all_but_the_secrets() {
        for (given, shown) in [
            ("/a?x=1&token=abc&y=2", "/a?x=1&token=...&y=2"),
            ("/a?key=abc", "/a?key=..."),
            ("/a?access_token=abc;y", "/a?access_token=...;y"),
            ("/a?pass%77ord=abc", "/a?pass%77ord=..."),
            ("/a?PassWord=a=b", "/a?PassWord=..."),
            ("/a?token=&x=1", "/a?token=&x=1"),
            ("/a?monkey=1&keys=2&%zz=1&%", "/a?monkey=1&keys=2&%zz=1&%"),
            ("/token/abc", "/token/abc"),
            ("/a?", "/a?"),
            ("http://me:pw@host/a?b=1", "http://...@host/a?b=1"),
            ("https://host/a@b", "https://host/a@b"),
            ("/a;jsessionid=AB12/b;v=1?x=1", "/a;jsessionid=.../b;v=1?x=1"),
            ("/o?X-Amz-Signature=ab&X-Amz-Date=5", "/o?X-Amz-Signature=...&X-Amz-Date=5"),
        ] {
            assert_eq!(uri(given), shown, "{given}");
        }
        assert_eq!(value("QUERY_STRING", "sid=5&a=1"), "sid=...&a=1");
        assert_eq!(value("HTTP_X_ORIGINAL_URI", "/a?token=5"), "/a?token=...");
        assert_eq!(value("HTTP_X_BACKEND", "http://me:pw@host"), "http://...@host");
        assert_eq!(value("HTTP_REFERER", "https://h/?jwt=x"), "https://h/?jwt=...");
        assert_eq!(value("REQUEST_URI", "/?sig=é%C3&ü=1"), "/?sig=...&ü=1");
    }
}
