//! What the user chose: the view, and in each view the sort, the filter, the cursor.
//!
//! Data and the meaning of keys; no terminal, no drawing.

use std::collections::BTreeSet;

/// How cores are shown in the table of workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Not at all.
    #[default]
    Hidden,
    /// Each core that has served a request is a row of its own, `worker:core`.
    Merged,
    /// Each such core is a row under its worker.
    Below,
}

impl Cores {
    /// The mode after this one.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Hidden => Self::Merged,
            Self::Merged => Self::Below,
            Self::Below => Self::Hidden,
        }
    }

    /// The number users know it by.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Hidden => 0,
            Self::Merged => 1,
            Self::Below => 2,
        }
    }
}

/// What the user chose in one view; kept when he comes back to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Choice {
    /// Column sorted by; the view's own order without.
    pub(crate) sort: Option<usize>,
    /// The other way round.
    pub(crate) reverse: bool,
    /// Words a row must have.
    pub(crate) filter: String,
    /// Key of the row under the cursor; no cursor before it was moved.
    pub(crate) cursor: Option<String>,
    /// First row shown, as wished; the drawing clamps it.
    pub(crate) scroll: usize,
    /// Key of the row that was opened with Enter.
    pub(crate) open: Option<String>,
    /// Keys of rows that were marked with the space bar.
    pub(crate) marks: BTreeSet<String>,
    /// Which of its forms the view takes; what that means is the view's business.
    pub(crate) form: usize,
}

/// Movement keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// Rows down, negative for up.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// The first line that is shown after a movement, when the last full screen begins at `furthest`.
pub(crate) fn scrolled(first: usize, to: Move, furthest: usize) -> usize {
    match to {
        Move::First => 0,
        Move::Last => furthest,
        Move::By(lines) => first.min(furthest).saturating_add_signed(lines).min(furthest),
    }
}

impl Choice {
    /// Moves the cursor among the rows as they are shown; without rows it scrolls, so far at most.
    pub(crate) fn go(&mut self, keys: &[String], to: Move, furthest: usize) {
        let at = self.cursor.as_ref().and_then(|key| keys.iter().position(|other| other == key));
        let last = keys.len().saturating_sub(1);
        let place = match (to, at) {
            (Move::First, _) => 0,
            (Move::Last, _) => last,
            (Move::By(_), None) => self.scroll.min(last),
            (Move::By(rows), Some(at)) => at.saturating_add_signed(rows).min(last),
        };
        self.cursor = keys.get(place).cloned();
        if keys.is_empty() {
            self.scroll = scrolled(self.scroll, to, furthest);
        }
    }

    /// Puts the cursor on a row; where it is already, opens or closes the row.
    pub(crate) fn click(&mut self, key: Option<&String>) {
        if key.is_some() && self.cursor.as_ref() == key {
            self.toggle_open();
        } else {
            self.cursor = key.cloned();
        }
    }

    /// Sorts by the next column to the right or left of `count`; beyond the ends is the view's own
    /// order.
    pub(crate) fn sort_by(&mut self, step: isize, count: usize) {
        let states = count + 1;
        let now = self.sort.map_or(0, |column| column + 1);
        let next = (now + states).saturating_add_signed(step) % states.max(1);
        self.sort = next.checked_sub(1);
        self.reverse = false;
    }

    /// Sorts by this column; a second time the other way round.
    pub(crate) fn sort_on(&mut self, column: usize) {
        self.reverse = self.sort == Some(column) && !self.reverse;
        self.sort = Some(column);
    }

    /// Opens the row under the cursor, or closes the one that is open.
    pub(crate) fn toggle_open(&mut self) {
        self.open = match self.open.take() {
            Some(_) => None,
            None => self.cursor.clone(),
        };
        self.scroll = 0;
    }

    /// Marks the row under the cursor, or takes the mark away.
    pub(crate) fn toggle_mark(&mut self) {
        if let Some(key) = &self.cursor
            && !self.marks.remove(key)
        {
            self.marks.insert(key.clone());
        }
    }

    /// Undoes the last of: open, filter, cursor. False when there was none of them.
    pub(crate) fn back(&mut self) -> bool {
        if self.open.take().is_some() {
            return true;
        }
        if !self.filter.is_empty() {
            self.filter.clear();
            return true;
        }
        self.cursor.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("row{n}")).collect()
    }

    #[test]
    fn the_cursor_stays_on_the_table() {
        let mut choice = Choice::default();
        choice.go(&keys(3), Move::By(1), 1);
        assert_eq!(choice.cursor.as_deref(), Some("row0"), "the first move shows it");
        choice.go(&keys(3), Move::By(9), 1);
        assert_eq!(choice.cursor.as_deref(), Some("row2"));
        choice.go(&keys(3), Move::By(-1), 1);
        assert_eq!(choice.cursor.as_deref(), Some("row1"));
        choice.go(&keys(0), Move::By(1), 1);
        assert_eq!((choice.cursor, choice.scroll), (None, 1), "an empty table is survived");
    }

    #[test]
    fn scrolling_ends_where_the_last_screen_begins() {
        assert_eq!(scrolled(0, Move::By(10), 4), 4);
        assert_eq!(scrolled(90, Move::By(-1), 4), 3, "a screen that grew has less to scroll");
        assert_eq!(scrolled(0, Move::By(-1), 4), 0);
        assert_eq!([scrolled(2, Move::First, 4), scrolled(2, Move::Last, 4)], [0, 4]);
    }

    #[test]
    fn a_click_moves_the_cursor_and_the_next_one_opens() {
        let keys = keys(2);
        let mut choice = Choice::default();
        choice.click(keys.get(1));
        assert_eq!((choice.cursor.as_deref(), &choice.open), (Some("row1"), &None));
        choice.click(keys.get(1));
        assert_eq!(choice.open.as_deref(), Some("row1"));
        choice.click(keys.get(1));
        choice.click(keys.first());
        assert_eq!((choice.cursor.as_deref(), &choice.open), (Some("row0"), &None));
        choice.click(keys.get(9));
        choice.click(keys.get(9));
        assert_eq!((choice.cursor, choice.open), (None, None));
    }

    #[test]
    fn sorting_walks_over_the_columns_and_back_to_none() {
        let mut choice = Choice::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            choice.sort_by(1, 3);
            seen.push(choice.sort);
        }
        assert_eq!(seen, [Some(0), Some(1), Some(2), None]);
        choice.sort_by(-1, 3);
        assert_eq!(choice.sort, Some(2));
        choice.sort_by(1, 0);
        assert_eq!(choice.sort, None, "no column, no sort");
        choice.sort_on(1);
        choice.sort_on(1);
        assert_eq!((choice.sort, choice.reverse), (Some(1), true));
    }

    #[test]
    fn escape_undoes_one_thing_at_a_time() {
        let mut choice = Choice { filter: "x".into(), ..Choice::default() };
        choice.go(&keys(2), Move::By(1), 1);
        choice.toggle_open();
        choice.toggle_mark();
        assert!(choice.open.is_some() && choice.marks.contains("row0"));
        assert!(choice.back() && choice.open.is_none());
        assert!(choice.back() && choice.filter.is_empty());
        assert!(choice.back() && choice.cursor.is_none());
        assert!(!choice.back());
    }
}
