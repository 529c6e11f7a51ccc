//! The last line: the views there are, and remarks about what is shown.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Drawn, Span as Piece};
use ratatui::widgets::Paragraph;

use super::{Cores, Id, Sheet};
use crate::human;
use crate::page::columns_of;
use crate::picture::{Body, Picture};
use crate::state::tape::Taping;
use crate::state::{App, Key, Mode};
use crate::views::{ALL, View};

/// What stands behind the views.
const KEYS: &str = " h help q quit";

/// The same while the help is shown.
const HELPED: &str = " arrows scroll, other keys end";

pub(super) fn draw(sheet: &mut Sheet<'_, '_, '_>, area: Rect) {
    let app = sheet.look.app;
    let views = views(app);
    let mut remarks = switches(app);
    if app.themes > 0 {
        remarks.push(format!("theme {}", sheet.look.theme.name()));
    }
    remarks.append(&mut sheet.remarks);
    let remarks: String = remarks.iter().map(|remark| format!(" | {remark}")).collect();
    let names =
        |short: bool| views.iter().map(|view| item(view, app.view, short)).collect::<Vec<_>>();
    let width = |items: &[String]| items.iter().map(|item| columns_of(item)).sum::<usize>();
    let room = usize::from(area.width);
    let keys = if app.mode == Mode::Help { HELPED } else { KEYS };
    let mut items = names(false);
    if width(&items) + keys.len() + columns_of(&remarks) > room {
        items = names(true);
    }
    let mut pieces = Vec::new();
    let mut x = area.x;
    for (view, text) in views.iter().zip(items) {
        let wide = u16::try_from(columns_of(&text)).unwrap_or(0);
        let place = Rect { x, width: wide, ..area }.intersection(area);
        sheet.shown.hits.push((place, Key::View(view.id)));
        x = x.saturating_add(wide);
        let style = if view.id == app.view {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            sheet.look.theme.hint()
        };
        pieces.push(Piece::styled(text, style));
    }
    pieces.push(Piece::styled(format!("{keys}{remarks}"), sheet.look.theme.hint()));
    sheet.frame.render_widget(Paragraph::new(Drawn::from(pieces)), area);
}

/// The views that have something to show, and the one that is shown.
fn views(app: &App) -> Vec<&'static View> {
    let picture = app.feed().state.picture.as_deref();
    let has = |view: &&View| view.id == app.view || picture.is_some_and(|p| (view.present)(app, p));
    ALL.iter().filter(has).collect()
}

fn item(view: &View, shown: Id, short: bool) -> String {
    if short && view.id != shown {
        format!(" {}", view.key)
    } else {
        format!(" {} {} ", view.key, view.name)
    }
}

/// What the user switched on.
fn switches(app: &App) -> Vec<String> {
    let mut remarks = Vec::new();
    if app.paused {
        remarks.push("paused".to_owned());
    }
    if app.fast {
        remarks.push("fast".to_owned());
    }
    remarks.extend(app.taping.as_ref().map(taping));
    let damages = app.tape.as_ref().map_or(0, |tape| tape.damages);
    if damages > 0 {
        remarks.push(format!("{damages} damaged"));
    }
    if app.view == Id::Workers && app.cores != Cores::Hidden {
        let picture = app.feed().state.picture.as_deref();
        let none = if picture.is_some_and(coreless) { ": the source shows none" } else { "" };
        remarks.push(format!("cores {}{none}", app.cores.number()));
    }
    remarks
}

/// How the recording goes; why it ended stands above.
fn taping(taping: &Taping) -> String {
    let size = human::size(taping.bytes);
    match taping {
        Taping { ended: Some(_), .. } => "recording ended".to_owned(),
        Taping { lost: 0, .. } => format!("recording {size}"),
        Taping { lost, .. } => format!("recording {size}, {lost} lost: slow disk"),
    }
}

/// Workers without any core: the server leaves them out.
fn coreless(picture: &Picture) -> bool {
    match &picture.body {
        Body::Workers(workers) => workers.iter().all(|worker| worker.cores.is_empty()),
        Body::Emperor(_) | Body::Router(_) | Body::Nothing => false,
    }
}
