//! Receivers of lines of the log, a table below that of the receivers of metrics.
//!
//! Answers: who gets the lines, who does not take them, how many wait and how many are lost? Those with
//! lines that wait stand on top, and among them those that have lost most.

use std::cmp::Reverse;

use super::parts::unwanted;
use crate::human;
use crate::page::{Cell, Column, Line, Paint, Row, Table, column, flexible};
use crate::picture::{Logger, Picture};

const COLUMNS: &[Column] = &[
    column("STATE", false, 0),
    flexible("LOGGER", 0, 8),
    flexible("RECEIVER", 0, 22),
    column("LINES", true, 0),
    column("BYTES", true, 2),
    column("QUEUE", true, 0),
    column("LOST", true, 0),
    column("FAILED", true, 1),
    column("AGAIN", true, 3),
    column("ROTATED", true, 4),
];

/// Nothing without loggers.
pub(super) fn table(picture: &Picture) -> Option<Table> {
    let mut loggers: Vec<(usize, &Logger)> = picture.loggers.iter().enumerate().collect();
    loggers.sort_by_key(|(_, logger)| Reverse((logger.queued > 0, logger.dropped, logger.queued)));
    let rows: Vec<Row> = loggers.into_iter().map(|(number, logger)| row(number, logger)).collect();
    (!rows.is_empty()).then(|| Table::new(COLUMNS, rows))
}

/// In one line.
pub(super) fn summary(picture: &Picture) -> Option<Line> {
    let total =
        |value: fn(&Logger) -> u64| picture.loggers.iter().map(value).fold(0, u64::saturating_add);
    let (queued, lost) = (total(|logger| logger.queued), total(|logger| logger.dropped));
    let line = match (picture.loggers.len(), lost) {
        (0, _) => return None,
        (all, 0) => Line::of(format!(" no line of the log is lost for {all} loggers"), Paint::Good),
        (_, lost) => {
            Line::of(format!(" {lost} lines of the log LOST for their loggers"), Paint::Bad)
        }
    };
    Some(if queued > 0 { line.and(format!("; {queued} wait"), Paint::Plain) } else { line })
}

fn row(number: usize, logger: &Logger) -> Row {
    let (state, paint) = match logger {
        Logger { dropped: 1.., queued: 1.., .. } => ("LOSING", Paint::Bad),
        Logger { errors: 1.., queued: 1.., .. } => ("away", Paint::Warn),
        Logger { dropped: 1.., .. } => ("lossy", Paint::Warn),
        Logger { messages: 0, .. } => ("waiting", Paint::Plain),
        _ => ("ok", Paint::Good),
    };
    let cells = vec![
        Cell::text(state).painted(paint),
        Cell::text(logger.name.as_str()),
        Cell::text(logger.target.as_str()),
        Cell::count(logger.messages),
        Cell::number(logger.bytes as f64, human::size(logger.bytes)),
        unwanted(logger.queued, Paint::Warn),
        unwanted(logger.dropped, Paint::Bad),
        unwanted(logger.errors, Paint::Warn),
        Cell::count(logger.reconnects),
        Cell::count(logger.rotations),
    ];
    Row::new(format!("logger {} {number}", logger.name), cells)
}
