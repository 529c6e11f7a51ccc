//! A server that is no server: opens a libpython and the plugin, and answers requests from
//! stdin to stdout. The tests and the benchmark drive it.
//!
//! `wsgi_host LIBPYTHON PLUGIN [option=value | option] ... [@word=value] ...`
//!
//! Words with `@` are for the host itself: `@bench=N` serves the first request N times and
//! prints the time of one; `@repeat=N` serves all N times and prints the growth in KiB; `@threads=N` runs all requests in each of N threads; `@fork=N` serves
//! from N forked children, one after the other, the later ones forked after `release`; `@alone` makes the first process a worker
//! without a fork; `@lazy` loads apps there; `@chunk=N` limits one body read to N bytes;
//! `@chunked`
//! announces bodies of unknown length; `@drop` breaks the connection at the first write. A request line is
//! `METHOD PATH[?QUERY] [VAR=value ...] [< BODY]`.
#![allow(unsafe_code, reason = "fork and waitpid, which the real server keeps in its own crate")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test equipment")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use uwsgi_abi::host::{self, Host, Loaded, RequestHost, RequestView};
use uwsgi_abi::{AppInfo, AppStat, Identity, Info, Pair, ProcessKind, Str, WorkerStat};

struct Fake {
    options: Vec<(String, Option<String>)>,
    apps: AtomicU32,
    worker: AtomicU32,
}

impl Fake {
    fn own(&self, name: &str) -> Option<&str> {
        let name = format!("@{name}");
        let found = self.options.iter().find(|(k, _)| *k == name)?;
        Some(found.1.as_deref().unwrap_or("1"))
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.own(name).map(|v| v.parse().unwrap())
    }
}

impl Host for Fake {
    fn option(&self, name: &[u8], nth: usize) -> Option<&[u8]> {
        let mut all = self.options.iter().filter(|(k, _)| k.as_bytes() == name);
        all.nth(nth).map(|(_, v)| v.as_deref().unwrap_or("").as_bytes())
    }
    fn option_at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        let (key, value) = self.options.get(index)?;
        Some((key.as_bytes(), value.as_deref().map(str::as_bytes)))
    }
    fn log(&self, line: &[u8], _verbose: bool) {
        eprintln!("{}", String::from_utf8_lossy(line));
    }
    fn identity(&self) -> Identity {
        let pid = std::process::id() as i32;
        Identity { worker: self.worker.load(Relaxed), master_pid: pid, pid, mule: 0 }
    }
    fn register_app(&self, _: &AppInfo, _: &[u8], _: &[u8]) -> Option<u32> {
        Some(self.apps.fetch_add(1, Relaxed))
    }
    fn metric(&self, op: u32, name: &[u8], value: i64) -> Option<i64> {
        static CELL: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
        if name != b"known" {
            return None;
        }
        match op {
            0 => {}
            1 => CELL.store(value, Relaxed),
            2 => drop(CELL.fetch_add(value, Relaxed)),
            _ => drop(CELL.fetch_sub(value, Relaxed)),
        }
        Some(CELL.load(Relaxed))
    }
    fn worker(&self, id: u32) -> Option<WorkerStat> {
        let mut stat = WorkerStat { id, requests: 7, status_len: 4, ..WorkerStat::default() };
        stat.status[..4].copy_from_slice(b"idle");
        Some(stat)
    }
    fn app(&self, _: u32, _: u32) -> Option<AppStat> {
        None
    }
    fn control(&self, op: u32) -> bool {
        eprintln!("control {op}");
        true
    }
}

/// The response of one request, as the plugin made it.
#[derive(Default)]
struct Response {
    status: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    calls: Vec<String>,
    exceptions: Vec<String>,
    input: Vec<u8>,
    taken: usize,
    chunk: usize,
    sent: bool,
    drops: bool,
    quiet: bool,
}

impl RequestHost for Response {
    fn begin_app(&mut self, app: i32) {
        if !self.quiet {
            self.calls.push(format!("app {app}"));
        }
    }
    fn head(&mut self, status: &[u8], headers: &mut dyn Iterator<Item = (&[u8], &[u8])>) -> i32 {
        if self.sent {
            return uwsgi_abi::HEADERS_SENT;
        }
        if self.quiet {
            std::hint::black_box(headers.count());
            return uwsgi_abi::OK;
        }
        let text = |b: &[u8]| b.iter().map(|&b| char::from(b)).collect::<String>();
        self.status = text(status);
        self.headers = headers.map(|(k, v)| (text(k), text(v))).collect();
        uwsgi_abi::OK
    }
    fn write(&mut self, data: &[u8], flags: u32) -> i32 {
        if self.quiet {
            std::hint::black_box(data);
            return uwsgi_abi::OK;
        }
        self.sent = true;
        let last = if flags & uwsgi_abi::WRITE_LAST != 0 { " last" } else { "" };
        self.calls.push(format!("write {}{last}", data.len()));
        if self.drops {
            return uwsgi_abi::WRITE_ERROR;
        }
        self.body.extend_from_slice(data);
        uwsgi_abi::OK
    }
    fn sendfile(&mut self, fd: i32, offset: u64, _len: u64) -> i32 {
        self.sent = true;
        // SAFETY: the app keeps the descriptor open during the call; it is not closed here.
        let file = unsafe { <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(fd) };
        let file = std::mem::ManuallyDrop::new(file);
        let mut data = vec![0; 1 << 20];
        let n = std::os::unix::fs::FileExt::read_at(&*file, &mut data, offset).unwrap();
        self.calls.push(format!("sendfile {offset}"));
        self.body.extend_from_slice(&data[..n]);
        uwsgi_abi::OK
    }
    fn read(&mut self, buffer: &mut [u8]) -> isize {
        let left = &self.input[self.taken..];
        let n = left.len().min(buffer.len()).min(self.chunk);
        buffer[..n].copy_from_slice(&left[..n]);
        self.taken += n;
        n as isize
    }
    fn seek(&mut self, offset: i64, from_end: bool) -> Option<u64> {
        let base = if from_end { self.input.len() } else { 0 };
        let to = usize::try_from(i64::try_from(base).ok()?.checked_add(offset)?).ok()?;
        self.taken = Some(to).filter(|to| *to <= self.input.len())?;
        u64::try_from(to).ok()
    }
    fn exception(&mut self, class: &[u8], message: &[u8]) {
        let text = |b| String::from_utf8_lossy(b).into_owned();
        self.exceptions.push(format!("{}: {}", text(class), text(message)));
    }
    fn response_state(&self) -> (u64, u32) {
        (self.body.len() as u64, u32::from(self.sent))
    }
}

/// A parsed request line.
struct Line {
    text: String,
    vars: Vec<(String, String)>,
    body: Vec<u8>,
    script_name: String,
    length: u64,
}

fn parse(text: &str) -> Line {
    let (head, body) = text.split_once(" < ").unwrap_or((text, ""));
    let mut words = head.split(' ');
    let (method, uri) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut vars: Vec<(String, String)> = [
        ("REQUEST_METHOD", method),
        ("REQUEST_URI", uri),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SCRIPT_NAME", ""),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "8080"),
        ("UWSGI_ROUTER", "http"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_PORT", "33810"),
        ("HTTP_HOST", "127.0.0.1:8080"),
    ]
    .iter()
    .map(|&(k, v)| (k.to_owned(), v.to_owned()))
    .collect();
    let body = body.replace("\\n", "\n").into_bytes();
    if !body.is_empty() {
        vars.push(("CONTENT_LENGTH".into(), body.len().to_string()));
    }
    let mut script_name = String::new();
    for (key, value) in words.filter_map(|w| w.split_once('=')) {
        if key == "SCRIPT_NAME" {
            script_name = value.to_owned();
        }
        vars.push((key.to_owned(), value.to_owned()));
    }
    let announced = vars.iter().rev().find(|(k, _)| k == "CONTENT_LENGTH");
    let length = announced.map_or(0, |(_, v)| v.parse().unwrap());
    Line { text: text.to_owned(), vars, body, script_name, length }
}

fn serve(plugin: Loaded, fake: &Fake, line: &Line, core: u32) -> String {
    let pairs = pairs(line);
    let mut response = Response {
        input: line.body.clone(),
        chunk: fake.number("chunk").unwrap_or(usize::MAX),
        drops: fake.own("drop").is_some(),
        ..Response::default()
    };
    let flags = if fake.own("chunked").is_some() { uwsgi_abi::REQUEST_CHUNKED } else { 0 };
    let code = plugin.request(&RequestView { flags, ..view(line, &pairs, core) }, &mut response);
    let mut out = format!("> {}\nreturn: {code}\nstatus: {}\n", line.text, response.status);
    for (key, value) in &response.headers {
        let _ = writeln!(out, "header: {key}: {value}");
    }
    let _ = writeln!(out, "body: {}", response.body.escape_ascii());
    let _ = writeln!(out, "calls: {}", response.calls.join(", "));
    for exception in &response.exceptions {
        let _ = writeln!(out, "exception: {exception}");
    }
    out
}

fn pairs(line: &Line) -> Vec<Pair> {
    let pair = |(k, v): &(String, String)| Pair {
        key: Str::new(k.as_bytes()),
        value: Str::new(v.as_bytes()),
    };
    line.vars.iter().map(pair).collect()
}

fn view<'a>(line: &'a Line, vars: &'a [Pair], core: u32) -> RequestView<'a> {
    RequestView {
        vars,
        content_length: line.length,
        core,
        flags: 0,
        fd: 99,
        modifiers: (0, 0),
        scheme: b"http",
        script_name: line.script_name.as_bytes(),
    }
}

fn bench(plugin: Loaded, line: &Line, rounds: usize) {
    let pairs = pairs(line);
    let view = view(line, &pairs, 0);
    for _ in 0..rounds / 10 {
        plugin.request(&view, &mut Response { quiet: true, ..Response::default() });
    }
    let start = Instant::now();
    for _ in 0..rounds {
        plugin.request(&view, &mut Response { quiet: true, ..Response::default() });
    }
    println!("{:.0} ns per request", start.elapsed().as_nanos() as f64 / rounds as f64);
}

/// Serves all lines again and again, and prints by how many KiB the process has grown.
fn repeat(plugin: Loaded, fake: &Fake, lines: &[Line], rounds: usize) {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4
    };
    let mut before = 0;
    for round in 0..rounds {
        if round == rounds / 10 {
            before = resident();
        }
        for line in lines {
            serve(plugin, fake, line, 0);
        }
    }
    println!("grown: {}", resident() - before);
}

fn work(plugin: Loaded, fake: &'static Fake, lines: &'static [Line]) {
    plugin.init_thread(0);
    plugin.release();
    if let Some(rounds) = fake.number("bench") {
        return bench(plugin, &lines[0], rounds);
    }
    if let Some(rounds) = fake.number("repeat") {
        return repeat(plugin, fake, lines, rounds);
    }
    let threads = fake.number("threads").unwrap_or(1) as u32;
    let others: Vec<_> = (1..threads)
        .map(|core| {
            std::thread::spawn(move || {
                plugin.init_thread(core);
                let out: String = lines.iter().map(|l| serve(plugin, fake, l, core)).collect();
                plugin.end_thread(core);
                out
            })
        })
        .collect();
    let mut out: String = lines.iter().map(|l| serve(plugin, fake, l, 0)).collect();
    for other in others {
        out += &other.join().unwrap();
    }
    std::io::stdout().write_all(out.as_bytes()).unwrap();
}

fn fork_and_wait(plugin: Loaded, fake: &'static Fake, lines: &'static [Line], id: u32) -> i32 {
    plugin.before_fork();
    // SAFETY: the host has one thread here.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        fake.worker.store(id, Relaxed);
        plugin.after_fork_child(ProcessKind::Worker, id);
        if fake.own("lazy").is_some() {
            report(plugin.init_apps());
        }
        work(plugin, fake, lines);
        plugin.atexit();
        std::process::exit(0);
    }
    plugin.after_fork_parent();
    let mut status = 0;
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) }
}

fn report(loaded: Result<u32, i32>) {
    match loaded {
        Ok(n) => eprintln!("{n} apps loaded"),
        Err(code) => std::process::exit(code),
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (lib, library) = (args.next().unwrap(), args.next().unwrap());
    let options = args.map(|a| match a.split_once('=') {
        Some((k, v)) => (k.to_owned(), Some(v.to_owned())),
        None => (a, None),
    });
    let fake: &'static Fake = Box::leak(Box::new(Fake {
        options: options.collect(),
        apps: AtomicU32::new(0),
        worker: AtomicU32::new(0),
    }));
    let info = Info {
        version: Str::new(b"2.1.0"),
        hostname: Str::new(b"testhost"),
        binary: Str::new(b"/usr/bin/uwsgi"),
        processes: 2,
        cores: fake.number("threads").unwrap_or(1) as u32,
        master: 1,
        lazy_apps: fake.own("lazy").is_some().into(),
        max_apps: 64,
        metrics: 1,
        started_on: 1000,
    };
    assert!(host::install(fake, info));
    host::open_global(Path::new(&lib)).expect("libpython");
    let plugin = host::load(Path::new(&library)).expect("plugin");
    if let Err(code) = plugin.init() {
        std::process::exit(code);
    }
    if fake.own("lazy").is_none() {
        report(plugin.init_apps());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let lines: &'static Vec<Line> = Box::leak(Box::new(text.lines().map(parse).collect()));
    if let Some(children) = fake.number("fork") {
        let mut worst = 0;
        for id in 1..=children as u32 {
            worst = worst.max(fork_and_wait(plugin, fake, lines, id));
            plugin.release();
        }
        plugin.atexit();
        std::process::exit(worst);
    }
    fake.worker.store(1, Relaxed);
    if fake.own("alone").is_some() {
        plugin.after_fork_child(ProcessKind::Worker, 1);
    }
    work(plugin, fake, lines);
    plugin.atexit();
}
