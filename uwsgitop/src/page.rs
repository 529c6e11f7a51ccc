//! What a view shows, before anybody knows where: painted lines and at most one table.
//!
//! Owns the shapes and their order: sorting and filtering work on every table alike, so a view
//! gives each cell its rank and is done. Knows neither colours nor the terminal.

use ratatui::text::Span as Measure;

/// Meaning of a piece of text; the words say the same, so that colour is never the only signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Nothing to say.
    #[default]
    Plain,
    /// Names what follows.
    Title,
    /// Words about the screen itself.
    Hint,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Stands out without a judgement: a graph, a number to read first.
    Strong,
    /// A worker in a request.
    Busy,
    /// A worker that was put away.
    Cheap,
    /// A worker in a signal handler.
    Signal,
    /// A worker that is suspended.
    Pause,
    /// A share of the largest, 0 to 8, as a heat map shows it.
    Heat(u8),
}

impl Paint {
    /// That of a worker's status.
    pub(crate) fn of(status: &str) -> Self {
        match status {
            "busy" => Self::Busy,
            "cheap" => Self::Cheap,
            "pause" => Self::Pause,
            _ if status.starts_with("sig") => Self::Signal,
            _ => Self::Plain,
        }
    }
}

/// Text of one meaning.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Span {
    /// The text.
    pub(crate) text: String,
    /// Its meaning.
    pub(crate) paint: Paint,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    /// From left to right, without gaps.
    pub(crate) spans: Vec<Span>,
}

impl Line {
    /// Text of one meaning.
    pub(crate) fn of(text: impl Into<String>, paint: Paint) -> Self {
        Self { spans: vec![Span { text: text.into(), paint }] }
    }

    /// Text without one.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::of(text, Paint::Plain)
    }

    /// The name of what follows.
    pub(crate) fn title(text: impl Into<String>) -> Self {
        Self::of(text, Paint::Title)
    }

    /// The same line with more at its end.
    #[must_use]
    pub(crate) fn and(mut self, text: impl Into<String>, paint: Paint) -> Self {
        self.spans.push(Span { text: text.into(), paint });
        self
    }

    /// The words alone.
    pub(crate) fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// At most so many lines instead of this one, broken between its parts, so that as few as
    /// possible are cut by the edge.
    pub(crate) fn folded(self, width: usize, most: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        // A level and what it is about stay together.
        for (place, mut span) in self.spans.into_iter().enumerate() {
            let count = lines.len();
            match lines.last_mut() {
                Some(last) if place == 1 || count == most || last.takes(&span.text, width) => {
                    last.spans.push(span);
                }
                _ => {
                    if count > 0 {
                        span.text = format!("   {}", span.text.trim_start_matches([';', ' ']));
                    }
                    lines.push(Line { spans: vec![span] });
                }
            }
        }
        lines
    }

    fn takes(&self, text: &str, width: usize) -> bool {
        columns_of(&self.text()) + columns_of(text) <= width
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// Its title.
    pub(crate) title: &'static str,
    /// Numbers stand to the right.
    pub(crate) right: bool,
    /// When the terminal is narrow the highest goes first; 0 never goes.
    pub(crate) shed: u8,
    /// Its cells are cut rather than that another column goes; this many columns always stay.
    pub(crate) least: Option<usize>,
}

/// A column, in the order of [`Column`].
pub(crate) const fn column(title: &'static str, right: bool, shed: u8) -> Column {
    Column { title, right, shed, least: None }
}

/// A column of texts of any length: it takes what the others leave, `least` columns at least.
pub(crate) const fn flexible(title: &'static str, shed: u8, least: usize) -> Column {
    Column { title, right: false, shed, least: Some(least) }
}

/// What a cell is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rank {
    /// Its text.
    Text,
    /// A number; the largest comes first unless reversed.
    Number(f64),
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// What it shows.
    pub(crate) text: String,
    /// What it is sorted by.
    pub(crate) rank: Rank,
    /// Its own meaning; [`Paint::Plain`] takes that of the row.
    pub(crate) paint: Paint,
}

impl Cell {
    /// A word.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), rank: Rank::Text, paint: Paint::Plain }
    }

    /// A number shown as `text`.
    pub(crate) fn number(value: f64, text: impl Into<String>) -> Self {
        Self { text: text.into(), rank: Rank::Number(value), paint: Paint::Plain }
    }

    /// A whole number.
    pub(crate) fn count(value: u64) -> Self {
        Self::number(value as f64, value.to_string())
    }

    /// Nothing to show; sorted behind everything.
    pub(crate) fn none() -> Self {
        Self::number(f64::NEG_INFINITY, "-")
    }

    /// The same with a meaning of its own.
    #[must_use]
    pub(crate) fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }

    /// What a program reads instead of the text.
    pub(crate) fn raw(&self) -> Raw<'_> {
        match self.rank {
            Rank::Number(value) if value.is_finite() => Raw::Number(value),
            Rank::Number(_) => Raw::Nothing,
            Rank::Text => Raw::Text(self.text.trim()),
        }
    }
}

/// A cell for programs: numbers as they are, in the unit that the view sorts by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Raw<'a> {
    /// Nothing is known.
    Nothing,
    /// A number.
    Number(f64),
    /// A word.
    Text(&'a str),
}

/// One row; it may have fewer cells than the table has columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What it is about, the same in every refresh; the cursor follows it.
    pub(crate) key: String,
    /// Cells by column.
    pub(crate) cells: Vec<Cell>,
    /// Meaning of the row.
    pub(crate) paint: Paint,
    /// It belongs to the row above and moves with it.
    pub(crate) attached: bool,
    /// It stays on top whatever is sorted and filtered: a total, or what the user pinned.
    pub(crate) pinned: bool,
    /// Lines that belong below it and move with it.
    pub(crate) below: Vec<Line>,
}

impl Row {
    /// A row of no particular meaning.
    pub(crate) fn new(key: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self {
            key: key.into(),
            cells,
            paint: Paint::Plain,
            attached: false,
            pinned: false,
            below: Vec::new(),
        }
    }

    /// The same with a meaning.
    #[must_use]
    pub(crate) fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Titles and habits.
    pub(crate) columns: Vec<Column>,
    /// From top to bottom as the view wants them.
    pub(crate) rows: Vec<Row>,
    /// What stands where no row is.
    pub(crate) empty: &'static str,
    /// Stands above its titles; nothing for an empty line.
    pub(crate) caption: Line,
    /// Tables below this one: the cursor runs through all, and their columns are counted on.
    pub(crate) more: Vec<Table>,
}

impl Table {
    /// A table of these columns.
    pub(crate) fn new(columns: &[Column], rows: Vec<Row>) -> Self {
        let (columns, caption) = (columns.to_vec(), Line::default());
        Self { columns, rows, empty: "", caption, more: Vec::new() }
    }

    /// The same with a line above it.
    #[must_use]
    pub(crate) fn under(self, caption: Line) -> Self {
        Self { caption, ..self }
    }

    /// It and those below it, each with the number of its first column.
    pub(crate) fn all(&self) -> Vec<(usize, &Table)> {
        let mut first = 0;
        let mut all = Vec::new();
        for table in [self].into_iter().chain(&self.more) {
            all.push((first, table));
            first += table.columns.len();
        }
        all
    }

    /// The rows of it and of those below it, in their order.
    pub(crate) fn all_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain(self.more.iter().flat_map(|table| &table.rows))
    }

    /// Keeps the rows in which every word of `filter` stands, in any case (see [`holds`]); a row and
    /// those attached to it stay together.
    pub(crate) fn keep(&mut self, filter: &str) {
        self.more.iter_mut().for_each(|table| table.keep(filter));
        let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
        let has = |row: &Row, word: &str| {
            let mut cells = row.cells.iter().map(|cell| &cell.text).chain([&row.key]);
            cells.any(|text| holds(&text.to_lowercase(), word))
        };
        let wanted = |row: &Row| row.pinned || words.iter().all(|word| has(row, word));
        if !words.is_empty() {
            let groups = self.groups().into_iter().filter(|group| group.iter().any(wanted));
            self.rows = groups.flatten().collect();
        }
    }

    /// Sorts by a column: numbers from the largest, words from A. Equals keep their order. A column
    /// beyond those of this table is one of the tables below it.
    pub(crate) fn sort(&mut self, column: usize, reverse: bool) {
        if let Some(mut column) = column.checked_sub(self.columns.len()) {
            for table in &mut self.more {
                match column.checked_sub(table.columns.len()) {
                    Some(beyond) => column = beyond,
                    None => return table.sort(column, reverse),
                }
            }
            return;
        }
        let mut groups = self.groups();
        groups.sort_by(|a, b| {
            let cell = |group: &[Row]| group.first().and_then(|row| row.cells.get(column)).cloned();
            let order = order(cell(a).as_ref(), cell(b).as_ref());
            let pinned = |group: &[Row]| group.first().is_some_and(|row| row.pinned);
            pinned(b).cmp(&pinned(a)).then(if reverse { order.reverse() } else { order })
        });
        self.rows = groups.into_iter().flatten().collect();
    }

    /// Turns the order of the rows round.
    pub(crate) fn reverse(&mut self) {
        let mut groups = self.groups();
        groups.reverse();
        groups.sort_by_key(|group| !group.first().is_some_and(|row| row.pinned));
        self.rows = groups.into_iter().flatten().collect();
    }

    /// Takes the rows out, each with those attached to it.
    fn groups(&mut self) -> Vec<Vec<Row>> {
        let mut groups: Vec<Vec<Row>> = Vec::new();
        for row in std::mem::take(&mut self.rows) {
            match groups.last_mut().filter(|_| row.attached) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        groups
    }
}

/// Whether a text holds a word: anywhere, or, where the word has dots, part by part from the
/// beginning, so that `w.2.r` finds `worker.2.rss`; both in lower case.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let begins = |(part, word): (&str, &str)| match number(word) && !word.is_empty() {
        true => part == word,
        false => part.starts_with(word),
    };
    let dotted = || {
        let parts = || text.split('.');
        parts().count() >= word.split('.').count() && parts().zip(word.split('.')).all(begins)
    };
    text.contains(word) || (word.contains('.') && dotted())
}

fn order(a: Option<&Cell>, b: Option<&Cell>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(a), Some(b)) => match (&a.rank, &b.rank) {
            (Rank::Number(a), Rank::Number(b)) => b.total_cmp(a),
            (Rank::Text, Rank::Text) => a.text.cmp(&b.text),
            (Rank::Number(_), Rank::Text) => std::cmp::Ordering::Less,
            (Rank::Text, Rank::Number(_)) => std::cmp::Ordering::Greater,
        },
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// A whole view: lines, a table with those below it, lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Page {
    /// Above the table; never scrolled.
    pub(crate) head: Vec<Line>,
    /// The table.
    pub(crate) table: Option<Table>,
    /// Below it; what does not fit is scrolled where there is no table, and cut where there is.
    pub(crate) tail: Vec<Line>,
}

/// Terminal columns a text takes.
pub(crate) fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { Measure::raw(text).width() }
}

/// A text in at most `width` columns; two dots stand for what was cut off.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(2);
    let (mut kept, mut used) = (String::new(), 0);
    for c in text.chars() {
        used += columns_of(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept + "..".get(..width.min(2)).unwrap_or_default()
}

/// A bar of `width` columns for a share between 0 and 1.
pub(crate) fn bar(share: f64, width: usize, utf8: bool) -> String {
    let full = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 } * width as f64;
    let full = full.round() as usize;
    let (on, off) = if utf8 { ("█", "░") } else { ("#", ".") };
    format!("{}{}", on.repeat(full), off.repeat(width.saturating_sub(full)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_breaks_between_its_parts_only() {
        let line = || Line::of(" warning: ", Paint::Warn).and("it is slow", Paint::Plain);
        let whole = line().and("; because", Paint::Plain).and("; do that", Paint::Strong);
        let texts = |width, most| -> Vec<String> {
            whole.clone().folded(width, most).iter().map(Line::text).collect()
        };
        assert_eq!(texts(80, 2), [" warning: it is slow; because; do that"]);
        assert_eq!(texts(30, 2), [" warning: it is slow; because", "   do that"]);
        assert_eq!(texts(22, 2), [" warning: it is slow", "   because; do that"]);
        assert_eq!(texts(22, 1), [" warning: it is slow; because; do that"]);
        assert_eq!(texts(5, 3).len(), 3);
    }

    fn table(values: &[f64]) -> Table {
        let row = |value: &f64| Row::new(format!("k{value}"), vec![Cell::number(*value, "x")]);
        Table::new(&[column("N", true, 0)], values.iter().map(row).collect())
    }

    fn keys(table: &Table) -> Vec<&str> {
        table.rows.iter().map(|row| row.key.as_str()).collect()
    }

    #[test]
    fn numbers_sort_from_the_largest_and_what_is_absent_stands_last() {
        let mut sorted = table(&[1.0, 30.0, 4.0]);
        sorted.rows.push(Row::new("none", vec![Cell::none()]));
        sorted.sort(0, false);
        assert_eq!(keys(&sorted), ["k30", "k4", "k1", "none"]);
        sorted.sort(0, true);
        assert_eq!(keys(&sorted), ["none", "k1", "k4", "k30"]);
        sorted.sort(9, false);
        assert_eq!(sorted.rows.len(), 4, "a column that is not there changes nothing");
    }

    #[test]
    fn a_filter_wants_every_word_somewhere() {
        let row = |key: &str, text: &str| Row::new(key, vec![Cell::text(text)]);
        let mut all =
            Table::new(&[column("T", false, 0)], vec![row("a", "GET /X"), row("b", "PUT /x")]);
        all.keep("  ");
        assert_eq!(all.rows.len(), 2);
        all.keep("get /x");
        assert_eq!(keys(&all), ["a"]);
        all.keep("b");
        assert!(all.rows.is_empty());
    }

    #[test]
    fn a_pinned_row_stays_on_top() {
        let mut all = table(&[1.0, 9.0, 5.0]);
        all.rows[0].pinned = true;
        all.sort(0, false);
        assert_eq!(keys(&all), ["k1", "k9", "k5"]);
        all.sort(0, true);
        assert_eq!(keys(&all), ["k1", "k5", "k9"]);
        all.reverse();
        assert_eq!(keys(&all), ["k1", "k9", "k5"]);
        all.keep("k9");
        assert_eq!(keys(&all), ["k1", "k9"]);
    }

    #[test]
    fn a_word_with_dots_is_a_path_of_beginnings() {
        for (text, word, wanted) in [
            ("worker.2.rss", "w.2.r", true),
            ("worker.2.rss", "ker.2", true),
            ("worker.2.rss", "w.2", true),
            ("worker.2.rss", "w..rss", true),
            ("worker.12.rss", "w.1.rss", false),
            ("worker.2", "w.2.r", false),
            ("worker.2.rss", "wr", false),
            ("", ".", false),
        ] {
            assert_eq!(holds(text, word), wanted, "{word} in {text}");
        }
    }

    #[test]
    fn attached_rows_move_with_theirs() {
        let mut all = table(&[1.0, 9.0, 5.0]);
        all.rows[1].attached = true;
        all.sort(0, false);
        assert_eq!(keys(&all), ["k5", "k1", "k9"]);
        all.keep("k9");
        assert_eq!(keys(&all), ["k1", "k9"], "the row it belongs to stays");
    }

    #[test]
    fn tables_below_have_columns_of_their_own_and_share_the_filter() {
        let mut all = table(&[1.0, 2.0]);
        all.more = vec![table(&[3.0, 9.0]), table(&[5.0, 6.0])];
        all.sort(2, false);
        let order: Vec<&str> = all.all_rows().map(|row| row.key.as_str()).collect();
        assert_eq!(order, ["k1", "k2", "k3", "k9", "k6", "k5"]);
        all.sort(3, false);
        all.keep("k9");
        let kept: Vec<usize> = all.all().iter().map(|(_, table)| table.rows.len()).collect();
        assert_eq!(kept, [0, 1, 0]);
        let firsts: Vec<usize> = all.all().iter().map(|(first, _)| *first).collect();
        assert_eq!(firsts, [0, 1, 2]);
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        for (text, width, wanted) in [
            ("/report", 7, "/report"),
            ("/report", 6, "/rep.."),
            ("日本語", 5, "日.."),
            ("abc", 2, ".."),
            ("abc", 1, "."),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, width), wanted, "{text} in {width}");
        }
    }

    #[test]
    fn a_bar_has_its_width_whatever_the_share() {
        for share in [f64::NAN, -1.0, 0.0, 0.5, 1.0, 7.0] {
            assert_eq!(bar(share, 6, false).len(), 6, "{share}");
        }
        assert_eq!((bar(0.5, 4, true), bar(1.0, 2, false)), ("██░░".into(), "##".into()));
    }
}
