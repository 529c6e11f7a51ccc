//! Recordings: what the screen has seen, kept in a file and shown again.
//!
//! A recording is one line, `uwsgitop-recording 1`, and blocks. A block is a head of 24 bytes, all
//! numbers little-endian, and a body:
//!
//! | bytes | what                                                             |
//! |-------|------------------------------------------------------------------|
//! | 4     | mark, `9e 54 4f 50`                                              |
//! | 2     | number of the source, from 0, the same in the whole file         |
//! | 2     | zero                                                             |
//! | 4     | bytes of the body                                                |
//! | 8     | moment of the reading, epoch microseconds                        |
//! | 4     | CRC-32 of the twenty bytes before                                |
//! | n     | zlib stream of JSON: `name`, `host`, and `told`: a picture or why there is none |
//!
//! The past that a picture carries is whole in the first picture of each minute; the others tell
//! what is new of it. Its metrics by name are in the first picture of each second. All else in a
//! block stands alone, so a file that was cut by a crash or a full disk is readable to its last
//! whole block, and one that was damaged on both sides of the damage.
//! Recording into a file that exists continues it. Parts: [`format`] is the bytes, [`trails`] the
//! past told once; [`writer`] and [`recorder`] put them into a file and a thread, [`reader`] finds
//! them again; [`plan`] says which pictures a jump needs, [`player`] reads them, [`replay`] is the
//! clock and the keys, [`when`] a moment as a user writes it.

pub(crate) mod format;
pub(crate) mod headless;
mod plan;
pub(crate) mod player;
pub(crate) mod reader;
pub(crate) mod recorder;
pub(crate) mod replay;
pub(crate) mod trails;
pub(crate) mod when;
pub(crate) mod writer;
