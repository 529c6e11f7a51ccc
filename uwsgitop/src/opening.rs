//! Opens what the command line named: every source in a thread of its own, none waits for another.
//!
//! Owns the first moments: the screen opens as soon as one source answers, and does not open at all
//! when none does. How long that takes is bounded, whatever the sources do.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::arena::Place;
use crate::args::{Options, Origin};
use crate::session::Opened;
use crate::source::transport::{Order, Transport};
use crate::source::{Fault, Needs, Source};
use crate::state::Feed;

/// Longest wait for the first answer of any source: a little more than a source is given to
/// answer, so that its own reason is heard; a name that does not resolve can take longer.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often sources are looked at while none has answered.
const TICK: Duration = Duration::from_millis(2);

/// Starts reading all sources and waits for the first that answers.
///
/// # Errors
/// One line for each source, when none of them can be read.
pub(crate) fn open(options: &Options, needs: Needs) -> Result<Vec<Opened>, String> {
    let access = Arc::new(options.access.clone());
    let mut all = Vec::new();
    for origin in &options.origins {
        let source = Source::of(origin, &access);
        all.push(start(source, options.interval(origin), needs)?);
    }
    first_answer(&mut all, Instant::now() + PATIENCE)?;
    Ok(all)
}

/// Starts reading one source.
///
/// # Errors
/// A sentence when no thread can be made.
pub(crate) fn start(source: Source, interval: Duration, needs: Needs) -> Result<Opened, String> {
    let feed = feed(&source);
    let transport = Transport::start(source, Order { interval, needs })
        .map_err(|error| format!("cannot start the reading thread: {error}"))?;
    Ok(Opened { feed, interval, transport, first: None })
}

/// A source of which nothing was seen yet, with its names.
pub(crate) fn feed(source: &Source) -> Feed {
    let this = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = source.host().map_or_else(this, str::to_owned);
    Feed::new(source.to_string(), host, source.is_local())
}

/// The origin of a server that was found.
pub(crate) fn found(master: u32) -> Origin {
    Origin::Arena(Place::Process(master))
}

fn first_answer(all: &mut [Opened], end: Instant) -> Result<(), String> {
    loop {
        for source in all.iter_mut().filter(|source| source.first.is_none()) {
            source.first = source.transport.take()?;
        }
        let answered = |source: &Opened| {
            let failed = matches!(source.first, Some(Err(Fault::Unreachable(_))));
            source.first.is_some() && !failed
        };
        if all.iter().any(answered) {
            return Ok(());
        }
        if all.iter().all(|source| source.first.is_some()) || Instant::now() >= end {
            return Err(reasons(all));
        }
        thread::sleep(TICK);
    }
}

fn reasons(all: &[Opened]) -> String {
    let reason = |source: &Opened| match &source.first {
        Some(Err(fault)) => format!("{}: {fault}", source.feed.name),
        _ => format!("{}: no answer within {} s", source.feed.name, PATIENCE.as_secs()),
    };
    all.iter().map(reason).collect::<Vec<_>>().join("\nuwsgitop: ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use std::net::TcpListener;

    fn options(words: &[&str]) -> Options {
        match args::parse(words.iter().map(|word| (*word).to_owned())) {
            Ok(args::Wish::Run(options)) => *options,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn nobody_answering_is_told_for_each_source() {
        let options = options(&["/nowhere/a", "@uwsgitop-nobody", "--arena", "/nowhere/b"]);
        let told = open(&options, Needs::default()).err().unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert!(
            lines[0].starts_with("/nowhere/a: ") && lines[2].contains("/nowhere/b: "),
            "{told}"
        );
    }

    #[test]
    fn a_source_that_hangs_delays_nobody() {
        // Accepts in its backlog and never answers.
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = hanging.local_addr().unwrap().to_string();
        let speaking = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = speaking.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = speaking.accept().unwrap();
            std::io::Write::write_all(&mut stream, b"{\"version\":\"x\"}").unwrap();
        });
        let began = Instant::now();
        let all = open(&options(&[&silent, &address]), Needs::default()).ok().unwrap();
        server.join().unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert!(all[0].first.is_none());
        assert!(matches!(&all[1].first, Some(Ok(picture)) if picture.version == "x"));
    }
}
