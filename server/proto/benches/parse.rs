//! Nanoseconds per head: `cargo bench -p uwsgi-proto`. Prints one line per case.
//!
//! The figures that count are relative: a load generator's head should parse in less time than
//! one system call takes.

use std::hint::black_box;
use std::time::Instant;

use uwsgi_proto::{Exchange, HttpEnv, ResponseHead, VarBlock, framing, parse_head};

const WRK: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const BROWSER: &[u8] = b"GET /static/app/index.html?version=1234&lang=en HTTP/1.1\r\nHost: h\r\n\
Host: www.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Accept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: https://www.example.com/start/page?with=query\r\n\
Connection: keep-alive\r\n\
Cookie: sessionid=38afes7a8; csrftoken=d2fh5ksl0aa1f9; theme=dark; consent=yes\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Dest: document\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-User: ?1\r\n\
Priority: u=0, i\r\n\r\n";

/// Best of several rounds: the machine's noise only ever adds.
fn measure(name: &str, mut run: impl FnMut()) {
    const ROUNDS: u32 = 15;
    const RUNS: u32 = 50_000;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..RUNS {
            run();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(RUNS));
    }
    println!("{name:<28} {best:>8.1} ns/op");
}

fn main() {
    let env = HttpEnv {
        server_name: b"localhost",
        server_port: b"8080",
        remote_addr: b"127.0.0.1",
        ..HttpEnv::default()
    };
    let mut block = VarBlock::new();
    for (name, head) in [("parse head of wrk", WRK), ("parse head of a browser", BROWSER)] {
        measure(name, || {
            let _ = black_box(parse_head(black_box(head), 0, &env, 4096, &mut block));
        });
    }
    let packet = block.as_bytes().to_vec();
    let mut loaded = VarBlock::new();
    measure("load uwsgi packet", || {
        let _ = black_box(loaded.load(black_box(&packet)));
    });
    let headers: [(&[u8], &[u8]); 2] =
        [(b"Content-Type", b"text/html; charset=utf-8"), (b"Content-Length", b"11")];
    let exchange =
        Exchange { http11: true, keep_alive: true, managed: true, ..Exchange::default() };
    let mut head = ResponseHead::default();
    measure("response head", || {
        let _ = head.set(b"HTTP/1.1", black_box(b"200 OK"), headers);
        let framing = framing(&exchange, head.facts(), None);
        black_box(head.finish(&framing));
    });
}
