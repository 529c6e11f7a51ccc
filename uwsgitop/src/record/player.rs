//! Reads a recording forth and back: from a moment to the readings that lead to it.
//!
//! Owns the place in the recording. Knows no clock and no screen: readings go into a function of
//! the caller, in their order. Damaged blocks are counted and passed over.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use super::format::Told;
use super::plan;
use super::reader::{Place, Recording};
use super::trails::Restorer;
use crate::source::transport::Reading;

/// Who takes the readings: number of the source, moment, what was read.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(usize, u64, Reading);

/// A recording and how far it was played.
pub(crate) struct Player {
    recording: Recording,
    /// Number of the first picture that was not played.
    next: usize,
    /// The past of each source.
    pasts: Vec<Restorer>,
    /// Numbers of the blocks that could not be read.
    unread: BTreeSet<usize>,
}

impl Player {
    /// A player at the beginning.
    ///
    /// # Errors
    /// A sentence, when nothing was recorded.
    pub(crate) fn new(recording: Recording) -> Result<Self, String> {
        if recording.places().is_empty() {
            return Err("the recording holds no pictures".to_owned());
        }
        Ok(Self { recording, next: 0, pasts: Vec::new(), unread: BTreeSet::new() })
    }

    /// Name and host of each source.
    pub(crate) fn sources(&self) -> Vec<(String, String)> {
        self.recording.sources()
    }

    /// Moments of the first and the last reading, epoch microseconds.
    pub(crate) fn span(&self) -> (u64, u64) {
        let moment = |place: Option<&Place>| place.map_or(0, |place| place.moment);
        let places = self.recording.places();
        (moment(places.first()), moment(places.last()))
    }

    /// Damages of the file that were met so far.
    pub(crate) fn damages(&self) -> u64 {
        self.recording.damages().saturating_add(self.unread.len() as u64)
    }

    /// Whether everything was played.
    pub(crate) fn is_at_end(&self) -> bool {
        self.next >= self.recording.places().len()
    }

    /// The moments of the last reading that was played and of the next.
    pub(crate) fn around(&self) -> (Option<u64>, Option<u64>) {
        let moment = |number: usize| self.recording.places().get(number).map(|place| place.moment);
        (self.next.checked_sub(1).and_then(moment), moment(self.next))
    }

    /// The moment of the next reading, of this source where one is named.
    pub(crate) fn next_of(&self, source: Option<usize>) -> Option<u64> {
        let mut ahead = self.recording.places().iter().skip(self.next);
        ahead.find(|place| is_of(place, source)).map(|place| place.moment)
    }

    /// The moment of the reading before the one that was played last, of this source where one is
    /// named.
    pub(crate) fn before_of(&self, source: Option<usize>) -> Option<u64> {
        let played = self.recording.places().iter().take(self.next).rev();
        let mut played = played.filter(|place| is_of(place, source));
        let last = played.next()?.moment;
        played.map(|place| place.moment).find(|moment| *moment < last)
    }

    /// Plays on up to this moment; of a long way only what is needed at its end.
    pub(crate) fn play(&mut self, moment: u64, sink: Sink<'_>) {
        let ahead = self.recording.places().get(self.next..).unwrap_or_default();
        let count = ahead.partition_point(|place| place.moment <= moment);
        let to = self.next.saturating_add(count);
        self.read(self.next..to, moment, sink);
        self.next = to;
    }

    /// Plays what leads to this moment, wherever it is; who takes the readings must have forgotten
    /// those before.
    pub(crate) fn seek(&mut self, moment: u64, sink: Sink<'_>) {
        self.next = 0;
        self.pasts.clear();
        self.play(moment, sink);
    }

    /// Looks for readings that were recorded since; true when there are some.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn grow(&mut self) -> io::Result<bool> {
        self.recording.grow()
    }

    fn read(&mut self, way: Range<usize>, moment: u64, sink: Sink<'_>) {
        for number in plan::chosen(self.recording.places(), way, moment) {
            let Some(place) = self.recording.places().get(number).copied() else { continue };
            match self.recording.read(place) {
                Ok(mut entry) => {
                    let source = usize::from(place.source);
                    if let Told::Picture(picture) = &mut entry.told {
                        self.past(source).restore(picture);
                    }
                    sink(source, place.moment, entry.told.reading());
                }
                Err(_) => {
                    self.unread.insert(number);
                }
            }
        }
    }

    fn past(&mut self, source: usize) -> &mut Restorer {
        if self.pasts.len() <= source {
            self.pasts.resize_with(source + 1, Restorer::default);
        }
        #[allow(clippy::indexing_slicing, reason = "it was just made that long")]
        &mut self.pasts[source]
    }
}

fn is_of(place: &Place, source: Option<usize>) -> bool {
    source.is_none_or(|source| usize::from(place.source) == source)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::picture::{Body, Picture, Worker};
    use crate::record::format::{Entry, HEAD, MAGIC, encode};
    use crate::record::reader::tests::file;

    /// A picture of this second of the epoch, of a server that serves ten requests a second.
    pub(crate) fn picture(second: u64) -> Picture {
        let worker = Worker { requests: second * 10, ..Worker::default() };
        Picture {
            taken: second * 1_000_000,
            pid: Some(7),
            body: Body::Workers(vec![worker]),
            ..Picture::default()
        }
    }

    fn block(source: u16, second: u64, told: Told) -> Vec<u8> {
        let entry = Entry { name: format!("source{source}"), host: "h".into(), told };
        encode(source, second * 1_000_000, &entry).unwrap()
    }

    /// One source that is seen each second, and one that fails in each tenth.
    pub(crate) fn recorded(seconds: Range<u64>) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for second in seconds {
            bytes.extend(block(0, second, Told::Picture(Box::new(picture(second)))));
            if second % 10 == 0 {
                bytes.extend(block(1, second, Told::Failure("refused".into())));
            }
        }
        bytes
    }

    pub(crate) fn player(bytes: &[u8]) -> Player {
        Player::new(Recording::of(file(bytes)).unwrap()).unwrap()
    }

    fn played(player: &mut Player, moment: u64) -> Vec<(usize, u64)> {
        let mut seen = Vec::new();
        player.play(moment * 1_000_000, &mut |source, at, _| seen.push((source, at / 1_000_000)));
        seen
    }

    #[test]
    fn it_plays_in_order_and_each_reading_once() {
        let mut player = player(&recorded(100..130));
        assert_eq!(player.span(), (100_000_000, 129_000_000));
        assert_eq!(player.sources()[1], ("source1".into(), "h".into()));
        assert_eq!(played(&mut player, 99), []);
        assert_eq!(played(&mut player, 101), [(0, 100), (1, 100), (0, 101)]);
        assert_eq!(played(&mut player, 101), []);
        assert_eq!(player.around(), (Some(101_000_000), Some(102_000_000)));
        let next = [Some(0), Some(1), None].map(|source| player.next_of(source));
        assert_eq!(next, [Some(102_000_000), Some(110_000_000), Some(102_000_000)]);
        let before = [Some(0), Some(1), None].map(|source| player.before_of(source));
        assert_eq!(before, [Some(100_000_000), None, Some(100_000_000)]);
        assert_eq!(played(&mut player, 131).len(), 30);
        assert!(player.is_at_end() && player.next_of(None).is_none());
    }

    #[test]
    fn a_jump_reads_what_leads_to_its_end() {
        let mut player = player(&recorded(100..130));
        assert_eq!(played(&mut player, 120).len(), 24);
        let mut seen = Vec::new();
        player.seek(105_500_000, &mut |source, at, reading| {
            seen.push((source, at / 1_000_000, reading.is_ok()));
        });
        assert_eq!(seen[..3], [(0, 100, true), (1, 100, false), (0, 101, true)]);
        assert_eq!(seen.last(), Some(&(0, 105, true)));
        assert_eq!(player.around(), (Some(105_000_000), Some(106_000_000)));
    }

    #[test]
    fn damaged_blocks_are_passed_over_and_counted() {
        let mut bytes = recorded(1..5);
        bytes[MAGIC.len() + HEAD + 9] ^= 0xff;
        let mut player = player(&bytes);
        assert_eq!(played(&mut player, 9), [(0, 2), (0, 3), (0, 4)]);
        player.seek(9_000_000, &mut |_, _, _| {});
        assert_eq!(player.damages(), 1, "each is counted once");
        let empty = Recording::of(file(MAGIC)).unwrap();
        assert!(Player::new(empty).err().unwrap().contains("no pictures"));
    }
}
