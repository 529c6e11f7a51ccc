//! Whatever a source tells, the screen stands: documents with a few places made odd go through the
//! reading, the memory of what was seen, every view at several sizes, and what scripts are given.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use crate::arena::tests::Folder;
use crate::arena::{Arena, Place};
use crate::document::{self, same};
use crate::print::families;
use crate::screens::{app_of, grid};
use crate::source::Needs;
use crate::state::ui::Move;
use crate::state::{App, Key};
use crate::views::ALL;

const SEEDS: [&[u8]; 8] = [
    include_bytes!("../tests/documents/jobs-2.0.31.json"),
    include_bytes!("../tests/documents/requests-2.0.31.json"),
    include_bytes!("../tests/documents/c-requests.json"),
    include_bytes!("../tests/documents/c-emperor.json"),
    include_bytes!("../tests/documents/c-fastrouter.json"),
    include_bytes!("../tests/documents/c-http-router.json"),
    include_bytes!("../tests/documents/c-legion.json"),
    include_bytes!("../tests/documents/c-two-routers.json"),
];

/// Texts that steer terminals, turn lines round, take no place or too much of it.
const TEXTS: [&str; 8] = [
    "",
    "\u{1b}[2J\u{1b}]0;title\u{7}\r\n\t\u{9b}31m\u{7f}",
    "\u{202e}gnp.exe\u{2066}\u{200f}\u{61c}",
    "a\u{200b}\u{200d}\u{feff}\u{2028}\u{ad}e\u{301}\u{301}\u{301}",
    "\u{754c}\u{754c}\u{754c}\u{1f469}\u{200d}\u{1f680}\u{fe0f}\u{fdfd}",
    "=1+1\",\\\"{}\n# TYPE x gauge",
    "18446744073709551616",
    "%s%n../../:/@,;=?&token=\u{0}",
];

/// A document of ours with all details.
static DETAILED: LazyLock<Vec<u8>> = LazyLock::new(same::detailed_document);

/// An arena of ours.
static ARENA: LazyLock<Vec<u8>> = LazyLock::new(same::arena_bytes);

/// A stream of numbers from one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    fn number(&mut self) -> Value {
        let edges = [0, 1, 2, 59, 60, 1_000, 86_400, 1_795_162_608, u64::MAX / 2, u64::MAX - 1];
        match self.roll(6) {
            0 => json!(u64::MAX),
            1 => json!(edges[self.roll(edges.len())]),
            2 => json!(i64::MIN),
            3 => json!(-1),
            4 => json!([0.5, 1e308, -1e308, 1e19, -0.0][self.roll(5)]),
            _ => Value::Number(Number::from(1_u64 << self.roll(64))),
        }
    }

    fn odd(&mut self) -> Value {
        match self.roll(9) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 => json!(TEXTS[self.roll(TEXTS.len())].repeat(1 + self.roll(3) * 100)),
            3 => json!([]),
            4 => json!({}),
            5 => json!(vec![u64::MAX; self.roll(400)]),
            6 => json!([[{"id": [{}]}], null, -3]),
            _ => self.number(),
        }
    }

    /// Makes about one place of `rare` odd; numbers mostly stay numbers and texts texts.
    fn spoil(&mut self, value: &mut Value, rare: usize) {
        if self.roll(rare * 4) == 0 {
            *value = self.odd();
            return;
        }
        match value {
            Value::Number(_) if self.roll(rare) == 0 => *value = self.number(),
            Value::String(_) if self.roll(rare) == 0 => {
                *value = json!(TEXTS[self.roll(TEXTS.len())]);
            }
            Value::Array(all) => {
                all.iter_mut().for_each(|value| self.spoil(value, rare));
                match (self.roll(rare * 2), all.first().cloned()) {
                    (0, _) => all.reverse(),
                    (1, Some(first)) => all.extend(vec![first; self.roll(20)]),
                    (2, _) => all.clear(),
                    _ => {}
                }
            }
            Value::Object(all) => self.spoil_fields(all, rare),
            _ => {}
        }
    }

    fn spoil_fields(&mut self, all: &mut Map<String, Value>, rare: usize) {
        all.values_mut().for_each(|value| self.spoil(value, rare));
        if self.roll(rare * 4) == 0 {
            let odd = self.odd();
            all.insert(TEXTS[self.roll(TEXTS.len())].to_owned(), odd);
        }
    }
}

/// A text that a terminal would take for something else than what is seen.
fn steers(text: &str) -> Option<char> {
    let unseen = |c: char| {
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{61c}' | '\u{feff}' | '\u{ad}')
    };
    text.chars().find(|c| *c != '\n' && (c.is_control() || unseen(*c)))
}

fn seed(dice: &mut Dice) -> Value {
    let bytes = match dice.roll(SEEDS.len() + 4) {
        number if number < SEEDS.len() => SEEDS[number].to_vec(),
        _ => DETAILED.clone(),
    };
    let text = String::from_utf8_lossy(&bytes).replace(",\n\t]", "]");
    serde_json::from_str(&text).unwrap_or_else(|_| json!({"workers": []}))
}

fn show_all(app: &mut App) {
    for view in ALL {
        app.press(Key::View(view.id));
        for (size, keys) in [
            ((60, 15), &[][..]),
            ((120, 40), &[Key::Go(Move::Last), Key::Form][..]),
            ((80, 24), &[Key::Mark, Key::Open][..]),
            ((200, 60), &[Key::Back, Key::Sort(1), Key::Reverse, Key::Form][..]),
        ] {
            keys.iter().for_each(|key| app.press(*key));
            let seen = grid(app, true, size);
            assert_eq!(steers(&seen), None, "{}: {seen}", view.name);
            assert_eq!(seen.lines().count(), usize::from(size.1), "{}", view.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn damaged_arenas_are_shown_or_refused(number: u64, count in 1_usize..4_000, head: bool) {
        let mut dice = Dice(number | 1);
        let mut bytes = ARENA.clone();
        let folder = Folder::new("uwsgitop-damaged");
        let path = folder.0.join("arena");
        let mut pictures = Vec::new();
        let mut arena = Arena::new(Place::File(path.clone()));
        for second in 0..2 {
            let words = bytes.len() / 8;
            for _ in 0..count {
                // Behind the first page mostly: damage in the header is refused as a whole.
                let at = if head && dice.roll(50) == 0 { dice.roll(512) } else { 512 + dice.roll(words - 512) };
                // Below what sums of sums overflow, which wraps where it is not a test.
 let word = match dice.roll(3) {
                    0 => 1 << dice.roll(44),
                    1 => dice.roll(300) as u64,
                    _ => dice.roll(1 << 44) as u64,
                };
                bytes[at * 8..at * 8 + 8].copy_from_slice(&word.to_le_bytes());
            }
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(picture) = arena.picture(Needs::ALL) {
                pictures.push((second, picture));
                let _ = arena.exposition();
                let _ = arena.snapshot();
            }
        }
        show_all(&mut app_of(pictures));
    }

    #[test]
    fn odd_documents_are_shown(number: u64, rare in 2_usize..60) {
        let mut dice = Dice(number | 1);
        let mut told = seed(&mut dice);
        let mut pictures = Vec::new();
        for second in 0..3 {
            dice.spoil(&mut told, rare);
            let bytes = told.to_string().into_bytes();
            // A document that became something else is refused, which is an answer too.
            if let Ok(picture) = document::parse(&bytes) {
                pictures.push((second, document::dated(picture)));
            }
            if let Ok(page) = families::render(&bytes) {
                prop_assert_eq!(steers(&String::from_utf8(page).unwrap()), None);
            }
        }
        let mut app = app_of(pictures);
        show_all(&mut app);
        let refused = crate::source::Fault::Unreachable(TEXTS.concat());
        app.ingest(0, Err(refused), Duration::from_secs(9));
        show_all(&mut app);
    }
}
