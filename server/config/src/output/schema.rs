//! `--json-schema`: what an editor needs to know about a YAML or JSON configuration.
//!
//! Draft 7, which editors of both formats read. Every name is a property of a section, typed by
//! the kind of its option; a text with a placeholder is right everywhere, because only a start can
//! tell what becomes of it. A key that is no option is a placeholder, unless the section is strict.

use super::json::Json;
use crate::registry::Registry;
use crate::row::{Arg, Kind, Row};
use crate::table;

/// The schema of a whole file, for the table and the rows of loaded plugins.
#[must_use]
pub fn json_schema(names: &Registry) -> String {
    let section = || reference("section");
    Json::object([
        ("$schema", "http://json-schema.org/draft-07/schema#".into()),
        ("title", "uwsgi configuration".into()),
        (
            "description",
            "Sections of options; without a name on the command line it is uwsgi.".into(),
        ),
        ("type", "object".into()),
        ("properties", Json::object([("uwsgi", section())])),
        ("additionalProperties", section()),
        ("definitions", definitions(names)),
    ])
    .document()
}

fn definitions(names: &Registry) -> Json {
    let rows = || table::rows().iter().chain(names.plugin_rows().iter().copied());
    let all = rows().flat_map(Row::names);
    let scalar = Json::texts(["string", "number", "boolean"]);
    let text = Json::object([("type", scalar)]);
    let bare = Json::object([("type", Json::texts(["string", "number", "boolean", "null"]))]);
    let expression = [("type", "string".into()), ("pattern", r"[%$@]\(|%[A-Za-z0-9]".into())];
    Json::object([
        ("expression", Json::object(expression)),
        ("flag", any([Json::object([("type", "boolean".into())]), yes_or_no()])),
        ("digits", pattern(r"^\s*[+-]?[0-9]+")),
        ("mode", any([integer((0, 1777)), pattern("^(0?[0-7]{3})?$")])),
        ("mask", any([integer((0, 7777)), pattern("^[0-7]{3,4}$")])),
        ("text", text),
        ("bare", bare),
        ("pair", pattern("=")),
        ("texts", listed(&reference("text"))),
        ("bares", listed(&reference("bare"))),
        ("pairs", listed(&reference("pair"))),
        ("name", Json::object([("enum", Json::texts(all))])),
        ("section", section(rows())),
    ])
}

/// One section: every name, and what an unknown key may be.
fn section<'a>(rows: impl Iterator<Item = &'a Row>) -> Json {
    let mut properties = Vec::new();
    for row in rows {
        properties.push((row.name.to_owned(), property(row)));
        let same = || reference(&format!("section/properties/{}", row.name));
        properties.extend(row.aliases.iter().map(|alias| ((*alias).to_owned(), same())));
    }
    let lax =
        Json::List([Json::Bool(false), Json::Number(0)].into_iter().chain(words(NO)).collect());
    let strict = Json::object([("not", Json::object([("enum", lax)]))]);
    let strict = Json::object([
        ("required", Json::texts(["strict"])),
        ("properties", Json::object([("strict", strict)])),
    ]);
    Json::object([
        ("type", "object".into()),
        ("properties", Json::Object(properties)),
        ("additionalProperties", reference("texts")),
        ("if", strict),
        ("then", Json::object([("propertyNames", reference("name"))])),
    ])
}

fn property(row: &Row) -> Json {
    let mut members = vec![("description".to_owned(), Json::Text(description(row)))];
    members.extend(default(row).map(|value| ("default".to_owned(), value)));
    members.push(("allOf".to_owned(), Json::List(vec![value(row)])));
    Json::Object(members)
}

fn description(row: &Row) -> String {
    let mut text = row.help.to_owned();
    if !row.unit.is_empty() {
        text.push_str(&format!(" ({})", row.unit));
    }
    if !row.keys.is_empty() {
        text.push_str(&format!("; keys: {}", row.keys.join(", ")));
    }
    match row.status_word() {
        "pending" => text + " [pending: without effect in this build]",
        "accepted" => text + " [accepted, without effect]",
        _ => text,
    }
}

fn default(row: &Row) -> Option<Json> {
    let text = Some(row.default).filter(|text| !text.is_empty())?;
    Some(match (row.kind, text.parse()) {
        (Kind::Flag | Kind::InverseFlag, _) => Json::Bool(text == "true"),
        (kind, Ok(number)) if kind.numeric() => Json::Number(number),
        _ => text.into(),
    })
}

/// The type of a value, alone or in a list where every mention counts.
fn value(row: &Row) -> Json {
    if !row.words.is_empty() && !row.open && row.kind != Kind::Words {
        let choice = any([enumeration(row.words)]);
        return if row.kind.repeatable() { listed(&choice) } else { choice };
    }
    let limits = |lower| row.limits().unwrap_or((lower, i64::MAX));
    match row.kind {
        // A switch that is also a level.
        Kind::Flag if row.most.is_some() => {
            any([reference("flag"), integer(limits(0)), reference("digits")])
        }
        Kind::Flag | Kind::InverseFlag | Kind::Noop => reference("flag"),
        Kind::Int | Kind::U64 | Kind::U16 => any([integer(limits(0)), reference("digits")]),
        Kind::RawInt => any([integer(limits(i64::MIN)), reference("digits")]),
        Kind::Megabytes => {
            let number = [("type", "number".into()), ("minimum", Json::Number(limits(0).0))];
            any([Json::object(number), reference("digits")])
        }
        Kind::Chmod => reference("mode"),
        Kind::Umask => reference("mask"),
        Kind::Dict | Kind::Placeholder => reference("pairs"),
        kind if row.arg == Arg::Required => {
            reference(if kind.repeatable() { "texts" } else { "text" })
        }
        kind => reference(if kind.repeatable() { "bares" } else { "bare" }),
    }
}

/// The words that mean no, and yes.
const NO: &[&str] = &["false", "off", "no", "0"];
const YES: &[&str] = &["true", "on", "yes", "1"];

fn yes_or_no() -> Json {
    let numbers = [Json::Number(0), Json::Number(1)].into_iter();
    Json::object([("enum", Json::List(numbers.chain(words(NO)).chain(words(YES)).collect()))])
}

fn words(words: &'static [&'static str]) -> impl Iterator<Item = Json> {
    words.iter().map(|word| (*word).into())
}

/// Words, and what YAML makes of them where they look like numbers or booleans.
fn enumeration(list: &'static [&'static str]) -> Json {
    let read = list.iter().filter_map(|word| match *word {
        "true" => Some(Json::Bool(true)),
        "false" => Some(Json::Bool(false)),
        word => word.parse().ok().map(Json::Number),
    });
    Json::object([("enum", Json::List(words(list).chain(read).collect()))])
}

/// A whole number; open ends are left out.
fn integer((least, most): (i64, i64)) -> Json {
    let mut members = vec![("type".to_owned(), "integer".into())];
    let least = (least != i64::MIN).then(|| ("minimum".to_owned(), Json::Number(least)));
    let most = (most != i64::MAX).then(|| ("maximum".to_owned(), Json::Number(most)));
    members.extend(least.into_iter().chain(most));
    Json::Object(members)
}

/// A text of this form, or one with a placeholder.
fn pattern(pattern: &str) -> Json {
    any([Json::object([("type", "string".into()), ("pattern", pattern.into())])])
}

/// One of these, or a text with a placeholder.
fn any<const N: usize>(choices: [Json; N]) -> Json {
    let expression = std::iter::once(reference("expression"));
    Json::object([("anyOf", Json::List(choices.into_iter().chain(expression).collect()))])
}

/// One, or a list of several.
fn listed(item: &Json) -> Json {
    let list = Json::object([("type", "array".into()), ("items", item.clone())]);
    Json::object([("oneOf", Json::List(vec![item.clone(), list]))])
}

fn reference(name: &str) -> Json {
    Json::object([("$ref", Json::Text(format!("#/definitions/{name}")))])
}
