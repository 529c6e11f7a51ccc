//! Commands of redis: one per line, in RESP.
//!
//! Format: the RESP 2 specification, arrays of bulk strings.

use crate::logger::Address;
use crate::template::bare;

/// Port of redis.
const PORT: u16 = 6379;

/// What an option says: `[password@]address[/db][,command[,prefix]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub to: Address,
    /// For `AUTH`.
    pub password: Option<String>,
    /// For `SELECT`.
    pub database: u32,
    /// Words in front of each line.
    pub command: Vec<String>,
    /// In front of each line, in the same word.
    pub prefix: String,
}

impl Target {
    /// Reads the argument of a logger.
    pub fn parse(arg: &str) -> Result<Target, String> {
        let mut parts = arg.splitn(3, ',');
        let place = parts.next().unwrap_or("");
        let (password, place) = match place.rsplit_once('@') {
            // A name in front of a path would be an abstract socket.
            Some((password, place)) if !password.is_empty() => (Some(password.to_owned()), place),
            _ => (None, place),
        };
        let wrong = |why: &str| format!("invalid redislog syntax: {why}");
        let (place, database) = match place.split_once('/') {
            Some((host, db)) if !host.is_empty() && !host.starts_with('.') => {
                (host, db.parse().map_err(|_| wrong(&format!("\"{db}\" is no database")))?)
            }
            _ => (place, 0),
        };
        let to = match place {
            "" => Address::Host("127.0.0.1".into(), PORT),
            place => Address::parse(place, Some(PORT)).map_err(|why| wrong(&why))?,
        };
        let command = parts.next().filter(|words| !words.is_empty()).unwrap_or("publish uwsgi");
        let command = command.split(' ').map(str::to_owned).collect();
        Ok(Target {
            to,
            password,
            database,
            command,
            prefix: parts.next().unwrap_or("").to_owned(),
        })
    }

    /// What is sent first on a connection, and how many replies it has.
    pub fn hello(&self) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        if let Some(password) = &self.password {
            array(&[b"auth", password.as_bytes()], &mut out);
        }
        array(&[b"select", self.database.to_string().as_bytes()], &mut out);
        (out, 1 + usize::from(self.password.is_some()))
    }

    /// Appends the command for `message`.
    pub fn command(&self, message: &[u8], out: &mut Vec<u8>) {
        let line = [self.prefix.as_bytes(), bare(message)].concat();
        let mut words: Vec<&[u8]> = self.command.iter().map(String::as_bytes).collect();
        words.push(&line);
        array(&words, out);
    }
}

fn array(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend(b"\r\n");
    }
}

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is not whole yet.
    More,
    /// It is good; so many bytes.
    Good(usize),
    /// Redis refuses; so many bytes, and what it says.
    Refused(usize, String),
    /// This is no redis.
    Strange,
}

/// The first reply in `bytes`: those to commands of loggers are short.
pub fn reply(bytes: &[u8]) -> Reply {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() > 4096 { Reply::Strange } else { Reply::More };
    };
    let (line, used) = (&bytes[..end], end + 2);
    match line.split_first() {
        Some((b'+' | b':', _)) => Reply::Good(used),
        Some((b'-', text)) => Reply::Refused(used, String::from_utf8_lossy(text).into_owned()),
        Some((b'$', length)) => bulk(length, used, bytes.len()),
        // An empty list; others are the answer to no command that takes a line.
        Some((b'*', b"0" | b"-1")) => Reply::Good(used),
        _ => Reply::Strange,
    }
}

fn bulk(length: &[u8], used: usize, have: usize) -> Reply {
    let length = str::from_utf8(length).ok().and_then(|text| text.parse::<i64>().ok());
    match length {
        Some(-1) => Reply::Good(used),
        Some(n @ 0..=1_048_576) => {
            let end = used + n as usize + 2;
            if have >= end { Reply::Good(end) } else { Reply::More }
        }
        _ => Reply::Strange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(arg: &str) -> Target {
        Target::parse(arg).unwrap()
    }

    #[test]
    fn every_form_of_the_argument_is_understood() {
        let host = |host: &str, port| Address::Host(host.into(), port);
        for (arg, to, password, database, words, prefix) in [
            ("", host("127.0.0.1", 6379), None, 0, 2, ""),
            ("db:1", host("db", 1), None, 0, 2, ""),
            ("db:1/4,rpush logs,web ", host("db", 1), None, 4, 2, "web "),
            ("p@ss@db:1/4,lpush a", host("db", 1), Some("p@ss"), 4, 2, ""),
            ("/tmp/redis.sock,set a b", Address::Path("/tmp/redis.sock".into()), None, 0, 3, ""),
            (",publish x", host("127.0.0.1", 6379), None, 0, 2, ""),
        ] {
            let found = target(arg);
            assert_eq!((&found.to, found.password.as_deref()), (&to, password), "{arg}");
            assert_eq!((found.database, found.command.len()), (database, words), "{arg}");
            assert_eq!(found.prefix, prefix, "{arg}");
        }
        assert!(Target::parse("db:1/x").unwrap_err().contains("\"x\" is no database"));
    }

    #[test]
    fn a_line_is_the_last_word_of_the_command() {
        let mut out = Vec::new();
        target("db:1,rpush logs,web ").command(b"hello\n", &mut out);
        assert_eq!(out, b"*3\r\n$5\r\nrpush\r\n$4\r\nlogs\r\n$9\r\nweb hello\r\n");
        assert_eq!(
            target("secret@db:1/2").hello(),
            (b"*2\r\n$4\r\nauth\r\n$6\r\nsecret\r\n*2\r\n$6\r\nselect\r\n$1\r\n2\r\n".to_vec(), 2)
        );
    }

    #[test]
    fn replies_are_told_apart_wherever_they_are_cut() {
        for (bytes, expected) in [
            (&b"+OK\r\nrest"[..], Reply::Good(5)),
            (b":12\r\n", Reply::Good(5)),
            (b"$3\r\nabc\r\n", Reply::Good(9)),
            (b"$-1\r\n", Reply::Good(5)),
            (b"-NOAUTH no\r\n", Reply::Refused(12, "NOAUTH no".into())),
            (b"HTTP/1.1 400\r\n", Reply::Strange),
            (b"$x\r\n", Reply::Strange),
        ] {
            assert_eq!(reply(bytes), expected);
            if let Reply::Good(used) | Reply::Refused(used, _) = expected {
                (0..used).for_each(|cut| assert_eq!(reply(&bytes[..cut]), Reply::More));
            }
        }
    }
}
