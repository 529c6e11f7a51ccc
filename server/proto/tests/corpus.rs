//! Every committed seed of the fuzz targets runs through its parser in an ordinary test run.

use std::io;
use std::path::Path;

use uwsgi_proto::chunked::{Decoder, Step};
use uwsgi_proto::fastcgi::{self, Stdin};
use uwsgi_proto::link::{FrameReader, FrameStep, RequestHeader};
use uwsgi_proto::scrape::{Look, look};
use uwsgi_proto::{HttpEnv, Lenient, VarBlock, parse_head, proxy, scgi};

const EVERYTHING: Lenient =
    Lenient { underscores: true, folding: true, host: true, length: true, proxy: true };

fn each(target: &str, run: impl Fn(&[u8])) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seen = 0;
    for entry in std::fs::read_dir(dir)? {
        run(&std::fs::read(entry?.path())?);
        seen += 1;
    }
    assert!(seen > 0, "no seeds for {target}");
    Ok(())
}

#[test]
fn seeds_of_heads_parse_or_are_refused() -> io::Result<()> {
    each("http_head", |data| {
        for lenient in [Lenient::default(), EVERYTHING] {
            let env = HttpEnv { lenient, ..HttpEnv::default() };
            let _ = parse_head(&data[1..], 0, &env, 4096, &mut VarBlock::new());
        }
    })
}

#[test]
fn seeds_of_proxy_headers_are_the_same_however_they_arrive() -> io::Result<()> {
    each("proxy", |data| {
        let whole = proxy::parse(data);
        for cut in 0..data.len() {
            match proxy::parse(&data[..cut]) {
                proxy::Start::Partial => {}
                done => assert_eq!(done, whole, "{cut}"),
            }
        }
    })
}

#[test]
fn seeds_of_packets_load_or_are_refused() -> io::Result<()> {
    each("packet", |data| {
        let mut block = VarBlock::new();
        assert!(block.load(data).is_err() || block.as_bytes() == data);
    })
}

#[test]
fn seeds_of_bodies_decode_or_are_refused() -> io::Result<()> {
    each("chunked", |data| {
        let (mut decoder, mut at) = (Decoder::new(), 0);
        while let Ok(Step::Data(range)) = decoder.next(data, at) {
            at = range.end;
        }
    })
}

#[test]
fn seeds_of_the_link_read_to_their_end() -> io::Result<()> {
    each("link", |data| {
        let _ = RequestHeader::parse(data);
        let (mut reader, mut at) = (FrameReader::response(), 0);
        while let FrameStep::Data(range) = reader.next(data, at) {
            at = range.end;
        }
    })
}

#[test]
fn seeds_of_scrapes_are_the_same_however_they_arrive() -> io::Result<()> {
    each("scrape", |data| {
        let input = &data[1..];
        let whole = look(input);
        for cut in 0..input.len() {
            match look(&input[..cut]) {
                Look::More => {}
                Look::Refused(_) => {
                    assert!(matches!(whole, Look::Refused(_)), "{input:?} at {cut}")
                }
                ready => assert_eq!(ready, whole),
            }
        }
    })
}

#[test]
fn seeds_of_scgi_are_the_same_however_they_arrive() -> io::Result<()> {
    each("scgi", |data| {
        let mut vars = VarBlock::new();
        let whole = scgi::parse(data, 4096, &mut vars);
        for cut in 0..data.len() {
            match scgi::parse(&data[..cut], 4096, &mut vars) {
                Ok(None) => {}
                done => assert_eq!(done, whole, "{cut}"),
            }
        }
    })
}

#[test]
fn seeds_of_fastcgi_read_to_their_end() -> io::Result<()> {
    each("fastcgi", |data| {
        let (mut vars, mut scan) = (VarBlock::new(), fastcgi::Scan::default());
        let found = fastcgi::look(&mut fastcgi::Scan::default(), data, 4096, &mut vars);
        // The same as when it comes byte by byte: what decides may be there before the last one.
        let mut pieces =
            (1..=data.len()).map(|n| fastcgi::look(&mut scan, &data[..n], 4096, &mut vars));
        let piecewise = pieces.find(|look| *look != Ok(fastcgi::Look::More));
        assert_eq!(piecewise.unwrap_or(Ok(fastcgi::Look::More)), found);
        let Ok(fastcgi::Look::Ready(head, _)) = found else { return };
        let (mut body, mut at) = (Stdin::new(head.id), head.head_len);
        while let Ok(fastcgi::Step::Data(range)) = body.next(data, at) {
            at = range.end;
        }
    })
}
