//! Encoders: what a message becomes on its way to a destination.
//!
//! They run in the order of their options; what one writes is what the next one reads. One that names
//! a logger works there alone.

mod msgpack;

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use self::msgpack::Item;
use crate::Moment;
use crate::template::{Escape, Template};

/// The names that an option may use, in the order in which they are listed.
pub const NAMES: [&str; 8] =
    ["prefix", "suffix", "nl", "format", "json", "gzip", "compress", "msgpack"];

/// How an option is written.
pub const USAGE: &str = "name[:logger] [argument], names: prefix suffix nl format json gzip compress msgpack; \
                         format, json and msgpack need what they write, as in json {\"msg\":\"${msg}\"}";

/// An option `log-encoder` or `log-req-encoder`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The logger it works for; every destination without one.
    pub logger: Option<String>,
    encoder: Encoder,
}

#[derive(Clone, Debug)]
enum Encoder {
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Newline,
    Format(Template),
    Json(Template),
    Gzip,
    Compress,
    Msgpack(Vec<Item>),
}

impl Step {
    /// Reads `name[:logger][ arguments]`. The error is the line for the log.
    pub fn parse(option: &str) -> Result<Step, String> {
        let (head, args) = option.split_once(' ').unwrap_or((option, ""));
        let (name, logger) = match head.split_once(':') {
            Some((name, logger)) => (name, Some(logger.to_owned())),
            None => (head, None),
        };
        if ["format", "json", "msgpack"].contains(&name) && args.is_empty() {
            // Every line would become an empty one.
            return Err(format!("log encoder \"{name}\" has nothing to write"));
        }
        let encoder = match name {
            "prefix" => Encoder::Prefix(args.into()),
            "suffix" => Encoder::Suffix(args.into()),
            "nl" => Encoder::Newline,
            "format" => Encoder::Format(Template::parse(args)),
            "json" => Encoder::Json(Template::parse(args)),
            "gzip" => Encoder::Gzip,
            "compress" => Encoder::Compress,
            "msgpack" => Encoder::Msgpack(msgpack::parse(args)?),
            _ => return Err(format!("log encoder \"{name}\" not found")),
        };
        Ok(Step { logger, encoder })
    }

    /// Whether it works for the destination of that name.
    pub fn serves(&self, logger: Option<&str>) -> bool {
        self.logger.is_none() || self.logger.as_deref() == logger
    }

    /// Appends what `message` becomes.
    pub fn encode(&self, message: &[u8], at: Moment, out: &mut Vec<u8>) {
        match &self.encoder {
            Encoder::Prefix(text) => out.extend([text, message].concat()),
            Encoder::Suffix(text) => out.extend([message, text].concat()),
            Encoder::Newline => out.extend([message, b"\n"].concat()),
            Encoder::Format(template) => template.render(message, at, Escape::None, out),
            Encoder::Json(template) => template.render(message, at, Escape::Json, out),
            // A vector takes everything: neither can fail.
            Encoder::Gzip => {
                let mut stream = GzEncoder::new(out, Compression::default());
                let _ = stream.write_all(message);
                let _ = stream.finish();
            }
            Encoder::Compress => {
                let mut stream = ZlibEncoder::new(out, Compression::default());
                let _ = stream.write_all(message);
                let _ = stream.finish();
            }
            Encoder::Msgpack(items) => msgpack::encode(items, message, at, out),
        }
    }
}

/// The steps of one destination, and the two buffers they work in.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    steps: Vec<Step>,
    now: Vec<u8>,
    next: Vec<u8>,
}

impl Chain {
    /// Those of `steps` that serve the destination `logger`.
    pub fn of(steps: &[Step], logger: Option<&str>) -> Chain {
        let steps = steps.iter().filter(|step| step.serves(logger)).cloned().collect();
        Chain { steps, now: Vec::new(), next: Vec::new() }
    }

    /// What `message` becomes; the message itself where there is nothing to do.
    pub fn run<'a>(&'a mut self, message: &'a [u8], at: Moment) -> &'a [u8] {
        let Some((first, rest)) = self.steps.split_first() else { return message };
        self.now.clear();
        first.encode(message, at, &mut self.now);
        for step in rest {
            self.next.clear();
            step.encode(&self.now, at, &mut self.next);
            std::mem::swap(&mut self.now, &mut self.next);
        }
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const AT: Moment = Moment(1_795_162_864_387_001);

    fn chain(options: &[&str], logger: Option<&str>) -> Chain {
        let steps: Vec<Step> = options.iter().map(|o| Step::parse(o).unwrap()).collect();
        Chain::of(&steps, logger)
    }

    #[test]
    fn encoders_run_in_the_order_of_their_options() {
        let options = ["prefix [", "suffix ]", "nl", r#"json {"m":"${msg}"}"#, "nl"];
        assert_eq!(chain(&options, None).run(b"a\n", AT), b"{\"m\":\"[a\\n]\"}\n");
        assert_eq!(chain(&["format ${unix} ${msg}"], None).run(b"a\n", AT), b"1795162864 a");
        assert_eq!(chain(&[], None).run(b"a\n", AT), b"a\n");
        assert_eq!(chain(&["prefix"], None).run(b"a", AT), b"a", "nothing in front is no change");
    }

    #[test]
    fn one_that_names_a_logger_works_there_alone() {
        let options = ["prefix:disk D ", "prefix A "];
        assert_eq!(chain(&options, Some("disk")).run(b"m", AT), b"A D m");
        assert_eq!(chain(&options, Some("net")).run(b"m", AT), b"A m");
        assert_eq!(chain(&options, None).run(b"m", AT), b"A m");
    }

    #[test]
    fn compressed_messages_are_whole_streams() {
        let message = b"one line of text, one line of text\n";
        let mut text = Vec::new();
        let zipped = chain(&["gzip", "prefix X"], None).run(message, AT).to_vec();
        flate2::read::GzDecoder::new(&zipped[1..]).read_to_end(&mut text).unwrap();
        assert_eq!((zipped[0], text.as_slice()), (b'X', &message[..]));
        text.clear();
        let zipped = chain(&["compress"], None).run(message, AT).to_vec();
        flate2::read::ZlibDecoder::new(&zipped[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, message);
    }

    #[test]
    fn an_unknown_encoder_is_named() {
        assert_eq!(Step::parse("nope x").unwrap_err(), "log encoder \"nope\" not found");
        assert_eq!(Step::parse("json").unwrap_err(), "log encoder \"json\" has nothing to write");
        let wrong = "log encoder \"msgpack\": \"map:x\" is no number";
        assert_eq!(Step::parse("msgpack map:x|msg").unwrap_err(), wrong);
        for name in NAMES {
            assert!(Step::parse(&format!("{name} msg")).is_ok(), "{name} is listed and unknown");
            assert!(USAGE.contains(&format!(" {name}")), "{name}");
        }
    }
}
