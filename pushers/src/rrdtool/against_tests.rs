//! The same updates by us and by Debian's `rrdtool`, bit by bit, with times, values, kinds and
//! archives of chance. Without that program there is nothing to compare with, and the test says so.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::archive::{Archive, Consolidation, USUAL};
use super::disk;
use super::layout::{self, Shape, Source, State, UNKNOWN};

/// An empty directory of this test.
pub(super) fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("uwsgi-rrd-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).unwrap();
    home
}

/// `rrdtool -`: commands in, answers out.
struct Rrdtool {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Rrdtool {
    fn start() -> Option<Rrdtool> {
        let mut command = Command::new("rrdtool");
        let child = command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Rrdtool { child, input, output })
    }

    fn run(&mut self, command: &str) -> Result<(), String> {
        writeln!(self.input, "{command}").unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "rrdtool died at {command}");
            match line.strip_prefix("ERROR: ") {
                Some(why) => return Err(why.trim().to_owned()),
                None if line.starts_with("OK ") => return Ok(()),
                None => {}
            }
        }
    }

    fn create(&mut self, path: &Path, shape: &Shape, at: u64) {
        let bound = |n: f64| if n.is_nan() { "U".to_owned() } else { n.to_string() };
        let archives: Vec<String> = shape.archives.iter().map(Archive::to_string).collect();
        let command = format!(
            "create {} --step {} --start {at} DS:metric:{}:{}:{}:{} {}",
            path.display(),
            shape.step,
            shape.source.name(),
            shape.heartbeat,
            bound(shape.min),
            bound(shape.max),
            archives.join(" ")
        );
        self.run(&command).unwrap();
    }
}

impl Drop for Rrdtool {
    fn drop(&mut self) {
        let _ = self.input.write_all(b"quit\n");
        let _ = self.child.wait();
    }
}

/// Numbers of chance that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn shape(&mut self) -> Shape {
        use Consolidation::{Average, Last, Max, Min};
        let step = self.one(&[300, 300, 60, 7]);
        let mut archives = USUAL.to_vec();
        for by in [Average, Max, Min, Last] {
            let (steps, rows) = (self.below(5) + 1, self.below(30) + 1);
            archives.push(Archive { by, xff: self.one(&[0.5, 0.0, 0.9]), steps, rows });
        }
        Shape {
            step,
            source: self.one(&[Source::Gauge, Source::Derive, Source::Counter, Source::Absolute]),
            heartbeat: self.one(&[2 * step, step, 10 * step]),
            min: self.one(&[0.0, UNKNOWN]),
            max: self.one(&[UNKNOWN, UNKNOWN, 1000.0]),
            archives,
        }
    }

    /// Microseconds to the next update; binary fractions, which every reader of decimals hits.
    fn pause(&mut self, step: u64) -> u64 {
        let seconds = match self.below(10) {
            0 => step * (1 + self.below(4)),
            1 => self.below(20 * step),
            2 => step * 2016 * self.below(3) / 2,
            _ => self.below(2 * step),
        };
        let part = self.one(&[0, 0, 0, 250_000, 500_000, 750_000]);
        (seconds * 1_000_000 + part).max(250_000)
    }

    fn next(&mut self, source: Source, value: i64) -> i64 {
        match (source, self.below(12)) {
            (Source::Gauge | Source::Absolute, 0..3) => -(self.below(50) as i64),
            (_, 0) => self.below(1000) as i64,
            (_, 1) => i64::MAX - self.below(1 << 40) as i64,
            (Source::Gauge | Source::Absolute, _) => self.below(100_000) as i64,
            (Source::Counter, 2) => (1 << 32) - 1 - self.below(1000) as i64,
            _ => value.wrapping_add(self.below(100_000) as i64).max(0),
        }
    }
}

/// The offset at which two files differ first, and what a reader makes of both.
fn same(ours: &Path, theirs: &Path) -> Result<(), String> {
    let (ours, theirs) = (fs::read(ours).unwrap(), fs::read(theirs).unwrap());
    let Some(at) = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at))
    else {
        return Ok(());
    };
    let state = |file: &[u8]| {
        let shape = layout::shape(file).unwrap();
        State::load(&shape, &file[shape.live()..])
    };
    Err(format!("byte {at}\nours   {:?}\ntheirs {:?}", state(&ours), state(&theirs)))
}

#[test]
fn updates_of_chance_leave_the_bytes_that_rrdtool_leaves() {
    let Some(mut rrdtool) = Rrdtool::start() else {
        eprintln!("skipped: rrdtool is not installed (tests/setup.sh does that)");
        return;
    };
    let home = home("chance");
    let (ours, theirs) = (home.join("ours.rrd"), home.join("theirs.rrd"));
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut updates = 0;
    for round in 0..150 {
        let shape = chance.shape();
        let mut at_us = (1_700_000_000 + chance.below(1 << 24)) * 1_000_000;
        let _ = fs::remove_file(&theirs);
        rrdtool.create(&theirs, &shape, at_us / 1_000_000);
        fs::copy(&theirs, &ours).unwrap();
        let mut value = 0;
        for nth in 0..60 {
            let before = at_us;
            at_us += chance.pause(shape.step);
            value = chance.next(shape.source, value);
            let (s, us) = (at_us / 1_000_000, at_us % 1_000_000);
            let command = format!("update {} {s}.{us:06}:{value}", theirs.display());
            let (told, done) = (rrdtool.run(&command), disk::write(&ours, at_us, value));
            assert_eq!(told.is_ok(), done.is_ok(), "{command}: {told:?} {done:?}");
            if let Err(why) = same(&ours, &theirs) {
                panic!("round {round}, update {nth} after {before}: {command}\n{shape:?}\n{why}");
            }
            updates += 1;
        }
    }
    assert_eq!(updates, 9000);
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn new_files_are_those_of_rrdtool_but_for_the_rows_they_begin_with() {
    let Some(mut rrdtool) = Rrdtool::start() else {
        eprintln!("skipped: rrdtool is not installed (tests/setup.sh does that)");
        return;
    };
    let home = home("new");
    let mut chance = Chance(0x1234_5678_9abc_def1);
    for round in 0..40 {
        let (ours, theirs) = (home.join(format!("{round}.rrd")), home.join("theirs.rrd"));
        let shape = chance.shape();
        let at = 1_700_000_000 + chance.below(1 << 24);
        let _ = fs::remove_file(&theirs);
        rrdtool.create(&theirs, &shape, at);
        assert!(disk::create(&ours, &shape, at).unwrap());
        let mut file = fs::read(&theirs).unwrap();
        let rows = shape.rows() - 8 * shape.archives.len()..shape.rows();
        file[rows.clone()].copy_from_slice(&fs::read(&ours).unwrap()[rows]);
        fs::write(&theirs, file).unwrap();
        assert_eq!(same(&ours, &theirs), Ok(()), "{shape:?}");
    }
    fs::remove_dir_all(home).unwrap();
}
