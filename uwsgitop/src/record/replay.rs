//! The clock and the keys of a replay.
//!
//! Owns speed and pause, and what a jump does to the screen: what was seen of the sources is
//! forgotten and made anew from what leads to the moment, so that rates, histories and the diagnosis
//! are those of then. A long time without any reading is passed over. At the end it stands still;
//! a recording that is being made goes on there.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{Timestamp, tz::TimeZone};

use super::player::Player;
use super::reader::Recording;
use super::when::{self, When};
use crate::source::transport::Reading;
use crate::state::tape::{Tape, Turn};
use crate::state::{App, Feed, Key, State};
use crate::views::Id;

/// How many times as fast as it was.
const SPEEDS: [u64; 4] = [1, 2, 10, 60];

/// Longest time between two readings that is waited for, µs; what is longer is a recording that
/// was interrupted.
const GAP: u64 = 30_000_000;

/// How long the last picture before such an interruption is shown, and how often the end of the
/// file is looked at.
const MOMENT: Duration = Duration::from_secs(1);

/// A recording that is being played.
pub(crate) struct Replay {
    player: Player,
    /// The moment that is shown, epoch microseconds.
    now: u64,
    /// Place in [`SPEEDS`].
    speed: usize,
    paused: bool,
    /// When time was looked at last.
    looked: Instant,
    /// When something changed last.
    changed: Instant,
}

impl Replay {
    /// Opens a recording; nothing is played yet.
    ///
    /// # Errors
    /// A sentence naming the file, when it is no recording or an empty one.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let named = |reason| format!("{}: {reason}", path.display());
        Self::of(Recording::open(path)?, Instant::now()).map_err(named)
    }

    fn of(recording: Recording, clock: Instant) -> Result<Self, String> {
        let player = Player::new(recording)?;
        let now = player.span().0;
        Ok(Self { player, now, speed: 0, paused: false, looked: clock, changed: clock })
    }

    /// The sources of the recording, of which nothing was seen yet.
    pub(crate) fn feeds(&self) -> Vec<Feed> {
        self.player.sources().into_iter().map(feed).collect()
    }

    /// The moment that is meant.
    ///
    /// # Errors
    /// A sentence, when it is not in the recording.
    pub(crate) fn moment(&self, when: When, zone: &TimeZone) -> Result<u64, String> {
        when.within(self.player.span(), zone)
    }

    /// The last moment of the recording, epoch microseconds.
    pub(crate) fn last(&self) -> u64 {
        self.player.span().1
    }

    /// The wall clock of the moment that is shown.
    pub(crate) fn wall(&self) -> Timestamp {
        when::timestamp(self.now).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The clock of the readings.
    pub(crate) fn at(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    /// Where it is.
    pub(crate) fn tape(&self) -> Tape {
        let (begin, end) = self.player.span();
        Tape {
            begin,
            end,
            now: self.now,
            speed: self.speed(),
            paused: self.paused,
            over: self.player.is_at_end(),
            damages: self.player.damages(),
        }
    }

    /// Shows the moment.
    pub(crate) fn seek(&mut self, app: &mut App, moment: u64) {
        let (begin, end) = self.player.span();
        self.now = moment.clamp(begin, end);
        for feed in &mut app.feeds {
            feed.state = State::default();
        }
        self.player.seek(self.now, &mut |source, at, reading| show(app, source, at, reading));
    }

    /// Goes on to the next moment at which something was recorded; the sources that were read then.
    pub(crate) fn next(&mut self, app: &mut App) -> Vec<usize> {
        let mut read = Vec::new();
        // Where all is damaged nothing was read, and the next moment is asked for.
        while let Some(next) = self.player.next_of(None).filter(|_| read.is_empty()) {
            self.now = next;
            self.player.play(next, &mut |source, at, reading| {
                read.push(source);
                show(app, source, at, reading);
            });
        }
        read.sort_unstable();
        read.dedup();
        read
    }

    /// Lets the time since the last call pass; true when there is something to draw.
    pub(crate) fn tick(&mut self, app: &mut App, clock: Instant) -> bool {
        let passed = clock.saturating_duration_since(self.looked);
        if self.player.is_at_end() {
            return passed >= MOMENT && self.grows(app, clock);
        }
        self.looked = clock;
        if self.paused {
            return false;
        }
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let before = self.now;
        self.now = self.now.saturating_add(micros.saturating_mul(self.speed()));
        if let (Some(last), Some(next)) = self.player.around()
            && next.saturating_sub(last) > GAP
            && clock.saturating_duration_since(self.changed) >= MOMENT
        {
            self.now = self.now.max(next);
        }
        self.now = self.now.min(self.player.span().1);
        if self.play(app) {
            self.changed = clock;
            return true;
        }
        before / 1_000_000 != self.now / 1_000_000
    }

    /// A recording that is being made goes on.
    fn grows(&mut self, app: &mut App, clock: Instant) -> bool {
        self.looked = clock;
        // What cannot be read any more has ended.
        if self.paused || !self.player.grow().unwrap_or(false) {
            return false;
        }
        let known = app.feeds.len();
        app.feeds.extend(self.player.sources().into_iter().skip(known).map(feed));
        self.changed = clock;
        true
    }

    /// Applies a key; false when it is none of a replay.
    pub(crate) fn press(&mut self, app: &mut App, key: Key, clock: Instant) -> bool {
        match key {
            Key::Pause => self.paused = !self.paused,
            // Ten times a second means nothing here, ten times as fast does.
            Key::Fast => self.speed = if self.speed() == 10 { 0 } else { 2 },
            Key::Turn(Turn::Step(forth)) => self.step(app, forth),
            Key::Turn(Turn::By(seconds)) => {
                let micros = seconds.saturating_mul(1_000_000);
                self.go(app, self.now.saturating_add_signed(micros));
            }
            Key::Turn(Turn::Begin) => self.seek(app, 0),
            Key::Turn(Turn::End) => self.go(app, u64::MAX),
            Key::Turn(Turn::Faster(true)) => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            Key::Turn(Turn::Faster(false)) => self.speed = self.speed.saturating_sub(1),
            Key::Turn(Turn::Place(place)) => {
                let (begin, end) = self.player.span();
                let share = (end - begin) / 10_000 * u64::from(place.min(10_000));
                self.go(app, begin.saturating_add(share));
            }
            _ => return false,
        }
        (self.looked, self.changed) = (clock, clock);
        true
    }

    fn speed(&self) -> u64 {
        SPEEDS.get(self.speed).copied().unwrap_or(1)
    }

    /// Forth it only plays on, which is quicker.
    fn go(&mut self, app: &mut App, moment: u64) {
        let moment = moment.min(self.player.span().1);
        if moment < self.now {
            return self.seek(app, moment);
        }
        self.now = moment;
        self.play(app);
    }

    /// One reading of the source that is shown, or of any where all are shown.
    fn step(&mut self, app: &mut App, forth: bool) {
        self.paused = true;
        let source = (app.view != Id::Sources).then_some(app.current);
        let to = if forth { self.player.next_of(source) } else { self.player.before_of(source) };
        if let Some(to) = to {
            self.go(app, to);
        }
    }

    fn play(&mut self, app: &mut App) -> bool {
        let mut some = false;
        self.player.play(self.now, &mut |source, at, reading| {
            some = true;
            show(app, source, at, reading);
        });
        some
    }
}

fn feed((name, host): (String, String)) -> Feed {
    Feed::new(name, host, false)
}

fn show(app: &mut App, source: usize, moment: u64, reading: Reading) {
    app.ingest(source, reading, Duration::from_micros(moment));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::format::MAGIC;
    use crate::record::player::tests::{picture, recorded};
    use crate::record::reader::tests::file;
    use std::io::Write;

    const SECOND: Duration = Duration::from_secs(1);

    /// A replay of ten requests a second, from `seconds` of the epoch on, and its screen.
    fn opened(bytes: &[u8], clock: Instant) -> (Replay, App) {
        let replay = Replay::of(Recording::of(file(bytes)).unwrap(), clock).unwrap();
        let mut app = App::new(replay.feeds(), Id::Workers);
        let mut replay = replay;
        replay.seek(&mut app, 0);
        (replay, app)
    }

    fn second(app: &App) -> u64 {
        app.feed().state.picture.as_ref().unwrap().taken / 1_000_000
    }

    #[test]
    fn it_goes_at_its_pace_and_stands_still_when_asked() {
        let clock = Instant::now();
        let (mut replay, mut app) = opened(&recorded(100..400), clock);
        assert_eq!((second(&app), app.feeds.len()), (100, 2));
        assert!(!replay.tick(&mut app, clock + SECOND / 2), "nothing was read then");
        assert!(replay.tick(&mut app, clock + SECOND * 3 / 2));
        assert_eq!((second(&app), app.feed().state.past.total()), (101, Some(10.0)));
        replay.press(&mut app, Key::Turn(Turn::Faster(true)), clock + SECOND * 2);
        replay.press(&mut app, Key::Turn(Turn::Faster(true)), clock + SECOND * 2);
        assert_eq!(replay.tape().speed, 10);
        replay.tick(&mut app, clock + SECOND * 4);
        assert_eq!(second(&app), 121, "twenty seconds in two");
        replay.press(&mut app, Key::Pause, clock + SECOND * 4);
        assert!(!replay.tick(&mut app, clock + SECOND * 50));
        replay.press(&mut app, Key::Pause, clock + SECOND * 50);
        replay.tick(&mut app, clock + SECOND * 51);
        assert_eq!(second(&app), 131, "time that stood still does not count");
        replay.press(&mut app, Key::Fast, clock + SECOND * 51);
        assert_eq!(replay.tape().speed, 1);
    }

    #[test]
    fn rates_and_histories_are_those_of_the_moment_after_every_jump() {
        let clock = Instant::now();
        let (mut replay, mut app) = opened(&recorded(1_000..2_000), clock);
        let keys =
            [Turn::By(300), Turn::By(-60), Turn::Step(false), Turn::Step(true), Turn::By(60)];
        let mut moment = 1_000;
        for (turn, moved) in keys.into_iter().zip([300, -60, -1, 1, 60]) {
            assert!(replay.press(&mut app, Key::Turn(turn), clock));
            moment += moved;
            let state = &app.feed().state;
            assert_eq!((second(&app) as i64, state.past.total()), (moment, Some(10.0)), "{turn:?}");
            let trail = state.trail("requests", 1).unwrap();
            assert_eq!(trail.end as i64, moment, "{turn:?}");
            assert!(trail.values.iter().all(|value| *value == 10_000), "{:?}", trail.values);
            assert!(trail.values.len() >= 230, "{}", trail.values.len());
        }
        assert!(replay.tape().paused, "who steps wants to look");
        replay.press(&mut app, Key::Turn(Turn::Place(10_000)), clock);
        assert_eq!(second(&app), 1_999);
        replay.press(&mut app, Key::Turn(Turn::Place(5_000)), clock);
        assert_eq!(second(&app), 1_499);
        replay.press(&mut app, Key::Turn(Turn::Begin), clock);
        assert_eq!((second(&app), app.feed().state.past.total()), (1_000, None));
        assert!(!replay.press(&mut app, Key::Reverse, clock), "all other keys are the screen's");
    }

    #[test]
    fn a_source_that_failed_then_fails_at_that_moment() {
        let clock = Instant::now();
        let (mut replay, mut app) = opened(&recorded(100..130), clock);
        app.current = 1;
        replay.press(&mut app, Key::Turn(Turn::Step(true)), clock);
        let failed = app.feed().state.failure.clone().unwrap();
        assert_eq!(failed, ("refused".to_owned(), Duration::from_secs(100)));
        assert_eq!(replay.at(), Duration::from_secs(110), "a step of the source that is shown");
    }

    #[test]
    fn an_interruption_is_passed_over_after_a_moment() {
        let clock = Instant::now();
        let more = recorded(90_000..90_010)[MAGIC.len()..].to_vec();
        let (mut replay, mut app) = opened(&[recorded(100..102), more].concat(), clock);
        replay.tick(&mut app, clock + SECOND);
        assert_eq!(second(&app), 101);
        replay.tick(&mut app, clock + SECOND * 3 / 2);
        assert_eq!(second(&app), 101, "the last picture is shown for a moment");
        assert!(replay.tick(&mut app, clock + SECOND * 2));
        assert_eq!(second(&app), 90_000);
    }

    #[test]
    fn a_recording_that_is_being_made_goes_on() {
        let clock = Instant::now();
        let mut written = file(&recorded(101..103));
        let recording = Recording::of(written.try_clone().unwrap()).unwrap();
        let mut replay = Replay::of(recording, clock).unwrap();
        let mut app = App::new(replay.feeds(), Id::Workers);
        replay.seek(&mut app, u64::MAX);
        assert!(replay.tape().over && !replay.tick(&mut app, clock + SECOND));
        written.write_all(&recorded(110..112)[MAGIC.len()..]).unwrap();
        assert!(replay.tick(&mut app, clock + SECOND * 2));
        assert_eq!((app.feeds.len(), replay.tape().over), (2, false));
        for n in 3..20 {
            replay.tick(&mut app, clock + SECOND * n);
        }
        assert_eq!((second(&app), replay.tape().over), (111, true));
        assert_eq!(picture(111).taken, replay.last());
    }
}
