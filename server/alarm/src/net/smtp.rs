//! SMTP as a client: one mail, one dialogue.
//!
//! Our own because the kept library would add 30 s of CPU to a build, takes no recipient without a
//! domain (`root`, which local servers deliver), and gives up all recipients when one is refused.
//! It refuses to go on over a stream whose STARTTLS answer brought along more than was asked for.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::{self, Stream};
use super::target::{Login, Target};
use super::{Limits, Trust, mail, plain, tls};
use uwsgi_net::base64;

use crate::action::Failure;

/// More than any honest answer of a server.
const ANSWER: usize = 64 * 1024;

/// A mail server and how it is spoken to.
pub(crate) struct Mailer {
    pub(crate) target: Target,
    pub(crate) limits: Limits,
    pub(crate) trust: Trust,
    /// Encrypt or give up.
    pub(crate) starttls: bool,
    pub(crate) login: Option<Login>,
    /// What this host calls itself.
    pub(crate) name: String,
}

/// What became of a mail that the server took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Recipients that the server did not want, with its words.
    pub(crate) refused: Vec<String>,
}

impl Mailer {
    /// Sends `mail` from `from` to each of `to`; done when the server took it for at least one.
    pub(crate) async fn send(
        &self,
        from: &str,
        to: &[String],
        mail: &[u8],
    ) -> Result<Outcome, Failure> {
        let work = async {
            let stream = dial::open(&self.target, self.limits, self.trust).await?;
            let mut talk = Talk { stream, rest: Vec::new(), place: self.target.place() };
            talk.answer().await?.expect(2, "Failed to connect")?;
            let abilities = self.greet(&mut talk).await?;
            if let Some(login) = &self.login {
                authenticate(&mut talk, login, &abilities).await?;
            }
            deliver(&mut talk, from, to, mail).await
        };
        super::within(self.limits.whole, &self.target.place(), work).await
    }

    /// Says hello, and again once the stream is encrypted; what the server can do.
    async fn greet(&self, talk: &mut Talk) -> Result<Vec<String>, Failure> {
        let abilities = talk.hello(&self.name).await?;
        if !self.starttls || self.target.scheme.is_wrapped() {
            return Ok(abilities);
        }
        if !abilities.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
            let place = &talk.place;
            return Err(Failure::lasting(format!(
                "Requested SSL level failed ({place} does not offer STARTTLS)"
            )));
        }
        talk.ask("STARTTLS").await?.expect(2, "Requested SSL level failed")?;
        talk.encrypt(&self.target.host, self.trust).await?;
        talk.hello(&self.name).await
    }
}

/// AUTH with what the server offers. One that offers nothing needs nothing.
async fn authenticate(talk: &mut Talk, login: &Login, abilities: &[String]) -> Result<(), Failure> {
    let offered = abilities.iter().find_map(|line| {
        let (word, rest) = line.split_once([' ', '='])?;
        word.eq_ignore_ascii_case("AUTH").then(|| rest.to_ascii_uppercase())
    });
    let Some(offered) = offered else { return Ok(()) };
    let offers = |mechanism: &str| offered.split_whitespace().any(|word| word == mechanism);
    let Login { user, password } = login;
    if offers("PLAIN") {
        let secret = base64(format!("\0{user}\0{password}").as_bytes());
        talk.ask(&format!("AUTH PLAIN {secret}")).await?.expect(2, "Login denied")
    } else if offers("LOGIN") {
        talk.ask("AUTH LOGIN").await?.expect(3, "Login denied")?;
        talk.ask(&base64(user.as_bytes())).await?.expect(3, "Login denied")?;
        talk.ask(&base64(password.as_bytes())).await?.expect(2, "Login denied")
    } else {
        let place = &talk.place;
        Err(Failure::lasting(format!(
            "Login denied ({place} offers {offered}, not PLAIN or LOGIN)"
        )))
    }
}

async fn deliver(
    talk: &mut Talk,
    from: &str,
    to: &[String],
    mail: &[u8],
) -> Result<Outcome, Failure> {
    let sent = "Failed sending data to the peer";
    talk.ask(&format!("MAIL FROM:<{from}>")).await?.expect(2, sent)?;
    let mut outcome = Outcome::default();
    let mut last = None;
    for recipient in to {
        if let Err(failure) = talk.ask(&format!("RCPT TO:<{recipient}>")).await?.expect(2, sent) {
            outcome.refused.push(format!("{recipient}: {}", failure.text));
            last = Some(failure);
        }
    }
    if let Some(failure) = last
        && outcome.refused.len() == to.len()
    {
        return Err(failure);
    }
    talk.ask("DATA").await?.expect(3, sent)?;
    talk.write(&mail::stuffed(mail)).await?;
    talk.answer().await?.expect(2, sent)?;
    // The mail is the server's now; how it says goodbye does not matter.
    let _ = talk.write(b"QUIT\r\n").await;
    Ok(outcome)
}

/// A server's answer.
struct Answer {
    code: u16,
    lines: Vec<String>,
    place: String,
}

impl Answer {
    /// An error unless the code is of that hundred.
    fn expect(&self, hundred: u16, what: &str) -> Result<(), Failure> {
        if self.code / 100 == hundred {
            return Ok(());
        }
        let Self { code, lines, place } = self;
        let said: String = lines.join(" ").chars().filter(|c| !c.is_control()).take(200).collect();
        let text = format!("{what} ({place} said {code} {said})");
        // 421 and 4xx pass; what is neither 4xx nor 5xx is nothing we understand.
        Err(Failure { text, again: code / 100 == 4 })
    }
}

/// A dialogue.
struct Talk {
    stream: Stream,
    /// Bytes received behind the last answer.
    rest: Vec<u8>,
    place: String,
}

impl Talk {
    async fn hello(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        let answer = self.ask(&format!("EHLO {name}")).await?;
        if answer.code / 100 == 5 {
            let answer = self.ask(&format!("HELO {name}")).await?;
            return answer.expect(2, "Weird server reply").map(|()| Vec::new());
        }
        answer.expect(2, "Weird server reply")?;
        Ok(answer.lines.into_iter().skip(1).collect())
    }

    async fn ask(&mut self, command: &str) -> Result<Answer, Failure> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.answer().await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let done = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        done.await.map_err(|error| {
            let why = plain(&error);
            Failure::passing(format!("Failed sending data to the peer ({}: {why})", self.place))
        })
    }

    async fn answer(&mut self) -> Result<Answer, Failure> {
        let mut lines = Vec::new();
        let mut size = 0;
        loop {
            let line = self.line().await?;
            size += line.len();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code.filter(|_| size < ANSWER) else {
                let place = &self.place;
                return Err(Failure::passing(format!(
                    "Weird server reply ({place} does not speak SMTP)"
                )));
            };
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if !more {
                return Ok(Answer { code, lines, place: self.place.clone() });
            }
        }
    }

    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let received = self.stream.read_buf(&mut self.rest).await;
            let why = match received {
                Ok(0) => "the server closed the connection".to_owned(),
                Ok(_) if self.rest.len() > ANSWER => "a line without end".to_owned(),
                Ok(_) => continue,
                Err(error) => plain(&error),
            };
            let place = &self.place;
            return Err(Failure::passing(format!(
                "Failure when receiving data from the peer ({place}: {why})"
            )));
        }
    }

    async fn encrypt(&mut self, host: &str, trust: Trust) -> Result<(), Failure> {
        if !self.rest.is_empty() {
            // Somebody in between could have put commands in front of the encrypted dialogue.
            let place = &self.place;
            return Err(Failure::lasting(format!(
                "Weird server reply ({place} said more than STARTTLS)"
            )));
        }
        let gone: Stream = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.stream, gone);
        self.stream = tls::over(plain, host, trust).await?;
        Ok(())
    }
}
