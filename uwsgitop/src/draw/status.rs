//! What an operator must know now: what is being typed, a source that fails, or the diagnosis.

use super::Look;
use crate::diagnosis::Level;
use crate::human;
use crate::page::{Line, Paint, Span};
use crate::state::Mode;
use crate::views::Id;

/// The lines, at most `most` of them where one is too narrow; never none.
pub(super) fn lines(look: &Look<'_>, width: usize, most: usize) -> Vec<Line> {
    let mut lines = pressing(look, width, most);
    let ended = look.app.taping.as_ref().and_then(|taping| taping.ended.as_ref());
    lines.extend(
        ended.map(|reason| Line::of(format!("! the recording ended: {reason}"), Paint::Bad)),
    );
    lines
}

fn pressing(look: &Look<'_>, width: usize, most: usize) -> Vec<Line> {
    let app = look.app;
    let feed = app.feed();
    if app.mode == Mode::Filter {
        let typed = format!(" filter: {}_", app.choice().filter);
        let hint = "  Enter keeps it, Esc forgets it";
        return vec![Line::of(typed, Paint::Strong).and(hint, Paint::Hint)];
    }
    if let Some((text, refused)) = app.asking.line(&feed.name) {
        return vec![Line::of(text, if refused { Paint::Bad } else { Paint::Strong })];
    }
    if let Some(notice) = &app.notice {
        let (what, why) = notice.rsplit_once(": ").unwrap_or((notice, ""));
        let mut line = Line::of("! ", Paint::Bad).and(what, Paint::Bad);
        if !why.is_empty() {
            line = line.and(format!("; {why}"), Paint::Bad);
        }
        return line.folded(width, most);
    }
    if app.view == Id::Sources {
        return vec![all_sources(look)];
    }
    if let Some((reason, since)) = &feed.state.failure {
        let age = look.at.saturating_sub(*since).as_micros() as u64;
        let (name, age) = (&feed.name, human::silence(age));
        let line = Line::of(format!("! no answer from {name} for {age}: {reason}"), Paint::Bad);
        return line.folded(width, most);
    }
    if let Some(remark) = feed.state.picture.as_ref().and_then(|p| p.remark.clone()) {
        return vec![Line::of(remark, Paint::Bad)];
    }
    match feed.state.findings.first() {
        Some(finding) => finding.line().folded(width, most),
        None => vec![Line::default()],
    }
}

/// The source that is silent for the longest time, or the most pressing finding about any.
fn all_sources(look: &Look<'_>) -> Line {
    let feeds = &look.app.feeds;
    let silent = feeds.iter().filter_map(|feed| Some((feed, feed.state.failure.as_ref()?)));
    if let Some((feed, (reason, since))) = silent.clone().min_by_key(|(_, (_, since))| *since) {
        let age = human::silence(look.at.saturating_sub(*since).as_micros() as u64);
        let more = match silent.count() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let name = &feed.name;
        return Line::of(format!("! no answer from {name} for {age}: {reason}{more}"), Paint::Bad);
    }
    let findings = feeds.iter().filter_map(|feed| Some((feed, feed.state.findings.first()?)));
    // The first of equals.
    let worst = findings.rev().max_by_key(|(_, finding)| finding.level);
    match worst.filter(|(_, finding)| finding.level > Level::Fine) {
        Some((feed, finding)) => {
            let mut line = finding.line();
            let named = format!("{}: ", feed.label());
            line.spans.insert(1, Span { text: named, paint: Paint::Strong });
            line
        }
        None => Line::default(),
    }
}
