//! Where the parts of an RRD file lie, for files with one data source.
//!
//! ```text
//! head 128 │ source 120 │ archive 120 ... │ last update 16 │ source state 112 │
//!                                   archive state 80 ... │ current row 8 ... │ rows of 8, archive by archive
//! ```
//!
//! Numbers are those of the machine, eight bytes each. Up to the last update nothing ever changes;
//! from there to the rows is the live part, which an update rewrites as a whole. What is in it
//! beside the fields of [`State`] stays as it was.

use super::archive::{Archive, Consolidation, MOST};

/// Bytes that are read first; the head of a file of four archives is less than a third of it.
pub(super) const USUAL_HEAD: usize = 4096;

/// Longest head that is accepted: a thousand archives.
const LONGEST_HEAD: usize = 512 * 1024;

const HEAD: usize = 128;
const DEFINITION: usize = 120;
const LAST_UPDATE: usize = 16;
const SOURCE_STATE: usize = 112;
const ARCHIVE_STATE: usize = 80;

/// Bytes of the last value's text, its final NUL included.
pub(super) const TEXT: usize = 30;

/// A file says by this number that its numbers are written as ours.
const FLOAT_COOKIE: f64 = 8.642_135E130;

/// Not a number, in the bits that rrdtool writes.
pub(super) const UNKNOWN: f64 = f64::from_bits(0xfff8_0000_0000_0000);

/// How a data source becomes a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Gauge,
    Derive,
    Counter,
    Absolute,
}

/// Name and meaning, for reading and writing.
const SOURCES: [(&str, Source); 4] = [
    ("GAUGE", Source::Gauge),
    ("DERIVE", Source::Derive),
    ("COUNTER", Source::Counter),
    ("ABSOLUTE", Source::Absolute),
];

impl Source {
    pub(super) fn name(self) -> &'static str {
        SOURCES.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// What never changes in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// Seconds of a step.
    pub(super) step: u64,
    pub(super) source: Source,
    /// Seconds without an update after which the value is unknown.
    pub(super) heartbeat: u64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) archives: Vec<Archive>,
}

/// What an archive remembers of the row that it has not finished.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unfinished {
    pub(super) value: f64,
    /// Unknown steps in it.
    pub(super) unknown: u64,
    pub(super) primary: f64,
    pub(super) secondary: f64,
    /// The row written last.
    pub(super) row: u64,
}

/// What an update changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// Seconds and microseconds of the last update.
    pub(super) last: (u64, u64),
    /// The last value as text.
    pub(super) text: [u8; TEXT],
    /// Unknown seconds of the step under way.
    pub(super) unknown: u64,
    /// The step under way: value times seconds.
    pub(super) value: f64,
    pub(super) archives: Vec<Unfinished>,
}

impl Shape {
    /// Where the live part begins.
    pub(super) fn live(&self) -> usize {
        HEAD + DEFINITION * (1 + self.archives.len())
    }

    /// Where the rows begin.
    pub(super) fn rows(&self) -> usize {
        self.live()
            + LAST_UPDATE
            + SOURCE_STATE
            + (ARCHIVE_STATE + size_of::<u64>()) * self.archives.len()
    }

    /// Where this archive's first row lies.
    pub(super) fn rows_of(&self, archive: usize) -> u64 {
        let before: u64 = self.archives.iter().take(archive).map(|archive| archive.rows).sum();
        self.rows() as u64 + before * 8
    }

    /// Bytes of the whole file.
    pub(super) fn size(&self) -> u64 {
        self.rows_of(self.archives.len())
    }

    /// A new file, last updated at `at` (epoch seconds); `seed` says where the archives begin.
    pub(super) fn file(&self, at: u64, seed: u64) -> Vec<u8> {
        let mut out = vec![0; self.live()];
        out[..4].copy_from_slice(b"RRD\0");
        out[4..8].copy_from_slice(b"0003");
        put_f64(&mut out, 16, FLOAT_COOKIE);
        for (at, n) in [(24, 1), (32, self.archives.len() as u64), (40, self.step)] {
            put(&mut out, at, n);
        }
        put_text(&mut out, HEAD, "metric");
        put_text(&mut out, HEAD + 20, self.source.name());
        put(&mut out, HEAD + 40, self.heartbeat);
        put_f64(&mut out, HEAD + 48, self.min);
        put_f64(&mut out, HEAD + 56, self.max);
        for (index, archive) in self.archives.iter().enumerate() {
            let place = HEAD + DEFINITION * (1 + index);
            put_text(&mut out, place, archive.by.name());
            put(&mut out, place + 24, archive.rows);
            put(&mut out, place + 32, archive.steps);
            put_f64(&mut out, place + 40, archive.xff);
        }
        out.resize(self.rows(), 0);
        let live = self.live();
        State::new(self, at, seed).store(&mut out[live..]);
        let rows: u64 = self.archives.iter().map(|archive| archive.rows).sum();
        for _ in 0..rows {
            out.extend_from_slice(&UNKNOWN.to_ne_bytes());
        }
        out
    }
}

impl State {
    /// Nothing is known yet. Archives begin at different rows, so that files made together do not
    /// all turn a page of the disk at once.
    fn new(shape: &Shape, at: u64, seed: u64) -> State {
        let mut text = [0; TEXT];
        text[0] = b'U';
        let whole = at - at % shape.step;
        let archive = |(index, archive): (u64, &Archive)| Unfinished {
            value: UNKNOWN,
            unknown: whole % (shape.step * archive.steps) / shape.step,
            primary: 0.0,
            secondary: 0.0,
            row: seed.rotate_left(8 * index as u32) % archive.rows,
        };
        let archives = (0..).zip(&shape.archives).map(archive).collect();
        State { last: (at, 0), text, unknown: at % shape.step, value: UNKNOWN, archives }
    }

    /// Reads it from the live part of a file.
    pub(super) fn load(shape: &Shape, live: &[u8]) -> Option<State> {
        let count = shape.archives.len();
        let archives = shape.archives.iter().enumerate().map(|(index, archive)| {
            let place = LAST_UPDATE + SOURCE_STATE + ARCHIVE_STATE * index;
            let row = LAST_UPDATE + SOURCE_STATE + ARCHIVE_STATE * count + 8 * index;
            Some(Unfinished {
                value: get_f64(live, place)?,
                unknown: get(live, place + 8)?,
                primary: get_f64(live, place + 64)?,
                secondary: get_f64(live, place + 72)?,
                row: get(live, row).filter(|row| *row < archive.rows)?,
            })
        });
        Some(State {
            last: (get(live, 0)?, get(live, 8)?),
            text: live.get(LAST_UPDATE..LAST_UPDATE + TEXT)?.try_into().ok()?,
            unknown: get(live, LAST_UPDATE + 32)?,
            value: get_f64(live, LAST_UPDATE + 40)?,
            archives: archives.collect::<Option<_>>()?,
        })
    }

    /// Writes it into the live part of a file, which is long enough.
    pub(super) fn store(&self, live: &mut [u8]) {
        put(live, 0, self.last.0);
        put(live, 8, self.last.1);
        live[LAST_UPDATE..LAST_UPDATE + TEXT].copy_from_slice(&self.text);
        put(live, LAST_UPDATE + 32, self.unknown);
        put_f64(live, LAST_UPDATE + 40, self.value);
        let count = self.archives.len();
        for (index, archive) in self.archives.iter().enumerate() {
            let place = LAST_UPDATE + SOURCE_STATE + ARCHIVE_STATE * index;
            put_f64(live, place, archive.value);
            put(live, place + 8, archive.unknown);
            put_f64(live, place + 64, archive.primary);
            put_f64(live, place + 72, archive.secondary);
            put(live, LAST_UPDATE + SOURCE_STATE + ARCHIVE_STATE * count + 8 * index, archive.row);
        }
    }
}

/// Bytes of everything in front of the rows, once the first 128 are there.
///
/// # Errors
/// What is wrong with them.
pub(super) fn head_size(bytes: &[u8]) -> Result<usize, &'static str> {
    if bytes.get(..4) != Some(b"RRD\0") {
        return Err("is not an RRD file");
    }
    if !matches!(bytes.get(4..8), Some(b"0003" | b"0004" | b"0005")) {
        return Err("has a version of the RRD format that is not supported");
    }
    let number = |at| get(bytes, at).ok_or("is too short");
    if get_f64(bytes, 16) != Some(FLOAT_COOKIE) {
        return Err("was made on another kind of machine");
    }
    if number(24)? != 1 {
        return Err("has more than one data source");
    }
    let each = DEFINITION + ARCHIVE_STATE + 8;
    let fixed = HEAD + DEFINITION + LAST_UPDATE + SOURCE_STATE;
    let count = usize::try_from(number(32)?).ok().filter(|count| *count > 0);
    let size = count.and_then(|count| count.checked_mul(each)?.checked_add(fixed));
    size.filter(|size| *size <= LONGEST_HEAD).ok_or("has a head that makes no sense")
}

/// Reads what never changes from the head of a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn shape(bytes: &[u8]) -> Result<Shape, &'static str> {
    let size = head_size(bytes)?;
    if bytes.len() < size {
        return Err("is too short");
    }
    let number = |at| get(bytes, at).ok_or("is too short");
    let float = |at| get_f64(bytes, at).ok_or("is too short");
    let name = get_text(bytes, HEAD + 20);
    let source = SOURCES.iter().find(|(known, _)| Some(*known) == name);
    let (_, source) = *source.ok_or("has a data source of a kind that is not supported")?;
    let mut archives = Vec::new();
    for index in 0..number(32)? as usize {
        let place = HEAD + DEFINITION * (1 + index);
        let by = get_text(bytes, place).and_then(Consolidation::named);
        let archive = Archive {
            by: by.ok_or("has an archive of a kind that is not supported")?,
            xff: float(place + 40)?,
            steps: number(place + 32)?,
            rows: number(place + 24)?,
        };
        // The bounds keep every later sum and product within 64 bits.
        if [archive.steps, archive.rows].iter().any(|n| !(1..=MOST).contains(n)) {
            return Err("has a head that makes no sense");
        }
        archives.push(archive);
    }
    let step = number(40)?;
    if !(1..=1 << 24).contains(&step) {
        return Err("has a head that makes no sense");
    }
    let (heartbeat, min, max) = (number(HEAD + 40)?, float(HEAD + 48)?, float(HEAD + 56)?);
    Ok(Shape { step, source, heartbeat, min, max, archives })
}

fn get(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn get_f64(bytes: &[u8], at: usize) -> Option<f64> {
    get(bytes, at).map(f64::from_bits)
}

fn get_text(bytes: &[u8], at: usize) -> Option<&str> {
    let field = bytes.get(at..at + 20)?;
    std::str::from_utf8(field.split(|byte| *byte == 0).next()?).ok()
}

fn put(bytes: &mut [u8], at: usize, n: u64) {
    bytes[at..at + 8].copy_from_slice(&n.to_ne_bytes());
}

fn put_f64(bytes: &mut [u8], at: usize, n: f64) {
    put(bytes, at, n.to_bits());
}

fn put_text(bytes: &mut [u8], at: usize, text: &str) {
    bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::archive::USUAL;
    use super::*;

    pub(in super::super) fn usual(source: Source) -> Shape {
        let archives = USUAL.to_vec();
        Shape { step: 300, source, heartbeat: 600, min: 0.0, max: UNKNOWN, archives }
    }

    #[test]
    fn the_usual_file_has_the_known_sizes() {
        let shape = usual(Source::Gauge);
        assert_eq!((shape.live(), shape.rows(), shape.size()), (728, 1208, 5520));
        let file = shape.file(1_795_162_666, 7);
        assert_eq!(file.len(), 5520);
        assert_eq!(file[16..24], [0x2f, 0x25, 0xc0, 0xc7, 0x43, 0x2b, 0x1f, 0x5b]);
        assert_eq!(super::shape(&file).unwrap().archives, shape.archives);
        let state = State::load(&shape, &file[728..]).unwrap();
        assert_eq!(state.unknown, 1_795_162_666 % 300);
        let mut again = file.clone();
        state.store(&mut again[728..]);
        assert!(again == file, "what is read is written");
    }

    #[test]
    fn what_is_no_file_of_ours_is_refused() {
        let good = usual(Source::Derive).file(1_000_000, 0);
        let damaged = |at: usize, bytes: &[u8]| {
            let mut file = good.clone();
            file[at..at + bytes.len()].copy_from_slice(bytes);
            super::shape(&file).unwrap_err()
        };
        assert_eq!(damaged(0, b"DRR"), "is not an RRD file");
        assert_eq!(damaged(4, b"0001"), "has a version of the RRD format that is not supported");
        assert_eq!(damaged(16, &[0]), "was made on another kind of machine");
        assert_eq!(damaged(24, &[2]), "has more than one data source");
        assert_eq!(damaged(148, b"COMPUTE"), "has a data source of a kind that is not supported");
        assert_eq!(damaged(248, b"HWPREDICT"), "has an archive of a kind that is not supported");
        for (at, bytes) in [(32, [0xff; 8]), (40, [0; 8]), (272, [0; 8]), (280, [0xff; 8])] {
            assert_eq!(damaged(at, &bytes), "has a head that makes no sense", "{at}");
        }
        for end in 0..1208 {
            assert!(super::shape(&good[..end]).is_err(), "{end}");
        }
    }
}
