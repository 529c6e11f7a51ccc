//! Legions.
//!
//! Who is the lord, and since when? Are there votes enough for a quorum? Which member is silent,
//! and does each agree with this node?

use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Legion, Member};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Legion,
    key: '9',
    name: "legion",
    answers: "Who is the lord, is there a quorum, and who has gone silent?",
    keys: &[],
    absent: "The source is in no legion.",
    present: |_, picture| !picture.legions.is_empty(),
    build: page,
};

/// A member that was not heard for so long, seconds, is about to be lost: nodes speak every 3 s, and
/// are forgotten after 15.
const SILENT: u64 = 7;

const COLUMNS: &[Column] = &[
    flexible("LEGION", 0, 8),
    flexible("NODE", 0, 8),
    column("ROLE", false, 0),
    column("HEARD", true, 0),
    column("VALOR", true, 1),
    column("VIEW", false, 2),
    column("UUID", false, 3),
];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let head = picture.legions.iter().map(|legion| summary(context, legion)).collect();
    let rows = picture.legions.iter().flat_map(|legion| rows(context, legion)).collect();
    Page { head, table: Some(Table::new(COLUMNS, rows)), tail: Vec::new() }
}

/// Nodes that see the same as this one, itself included.
fn votes(legion: &Legion) -> u64 {
    let agree = |member: &&Member| member.checksum == legion.checksum;
    1 + legion.members.iter().filter(agree).count() as u64
}

/// ` fleet: this node is the lord for 12s - votes 3, quorum 2 - 2 of 3 nodes heard`
fn summary(context: &Context<'_>, legion: &Legion) -> Line {
    let line = Line::title(format!(" {}: ", legion.name));
    let lord = legion.members.iter().find(|member| member.uuid == legion.lord_uuid);
    let line = match (context.since(legion.lord_since), lord) {
        (Some(age), _) => {
            line.and(format!("this node is the lord for {}", human::age(age)), Paint::Good)
        }
        (None, Some(lord)) => line.and(format!("{} is the lord", lord.name), Paint::Good),
        (None, None) => line.and("NO LORD", Paint::Bad),
    };
    let (votes, quorum) = (votes(legion), legion.quorum);
    let (word, paint) =
        if votes >= quorum { ("", Paint::Plain) } else { ("NO QUORUM, ", Paint::Bad) };
    let line = line.and(" - ", Paint::Plain);
    let line = line.and(format!("{word}votes {votes}, quorum {quorum}"), paint);
    let (heard, known) = (legion.members.len(), legion.nodes.len());
    let paint = if heard < known { Paint::Warn } else { Paint::Plain };
    line.and(" - ", Paint::Plain).and(format!("{heard} of {known} nodes heard"), paint)
}

/// This node, then those it heard, the strongest first.
fn rows(context: &Context<'_>, legion: &Legion) -> Vec<Row> {
    let name = |word: &str| Cell::text(word);
    let own = vec![
        name(&legion.name),
        name(&format!("this node ({})", legion.addr)),
        role(legion.lord_since > 0, false),
        Cell::none(),
        Cell::count(legion.valor),
        name("its own"),
        name(&legion.uuid),
    ];
    let mut members: Vec<&Member> = legion.members.iter().collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.valor));
    let others = members.into_iter().map(|member| {
        let age = context.since(member.last_seen);
        let silent = age.is_none_or(|age| age > SILENT);
        let agrees = member.checksum == legion.checksum;
        let seen = if agrees { "agrees" } else { "differs" };
        let cells = vec![
            name(&legion.name),
            name(&member.name),
            role(member.uuid == legion.lord_uuid, silent),
            age.map_or_else(Cell::none, |age| Cell::number(age as f64, human::age(age))),
            Cell::count(member.valor),
            name(seen).painted(if agrees { Paint::Plain } else { Paint::Warn }),
            name(&member.uuid),
        ];
        Row::new(format!("{} {}", legion.name, member.uuid), cells)
    });
    std::iter::once(Row::new(legion.name.as_str(), own)).chain(others).collect()
}

fn role(lord: bool, silent: bool) -> Cell {
    let (word, paint) = match (lord, silent) {
        (true, false) => ("lord", Paint::Good),
        (true, true) => ("lord, silent", Paint::Bad),
        (false, true) => ("silent", Paint::Bad),
        (false, false) => ("member", Paint::Plain),
    };
    Cell::text(word).painted(paint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::screens::{self, NOW_SECONDS};

    fn member(name: &str, valor: u64, seen: u64) -> Member {
        Member {
            name: name.to_owned(),
            uuid: format!("1ea31299-e0d0-4318-8b08-f9f599f976{valor}"),
            valor,
            checksum: 7351,
            last_seen: NOW_SECONDS - seen,
        }
    }

    fn legion(name: &str) -> Legion {
        Legion {
            name: name.to_owned(),
            addr: "10.0.0.1:4000".to_owned(),
            uuid: "4ef406bf-b9d7-4e43-91c1-c520d73e1a30".to_owned(),
            valor: 30,
            checksum: 7351,
            quorum: 2,
            lord_since: NOW_SECONDS - 3_700,
            lord_valor: 30,
            lord_uuid: "4ef406bf-b9d7-4e43-91c1-c520d73e1a30".to_owned(),
            nodes: ["10.0.0.2:4000", "10.0.0.3:4000"].map(str::to_owned).to_vec(),
            members: vec![member("web2", 10, 2), member("web3", 20, 11)],
        }
    }

    fn picture(second: u64) -> Picture {
        let split = Legion {
            quorum: 3,
            lord_since: 0,
            lord_uuid: String::new(),
            members: vec![Member { checksum: 1, ..member("db1", 99, 1) }],
            ..legion("databases")
        };
        Picture { legions: vec![legion("fleet"), split], ..screens::instance(second) }
    }

    #[test]
    fn screens() {
        screens::view(Id::Legion, picture);
    }

    #[test]
    fn only_those_that_agree_have_a_vote() {
        let mut one = legion("x");
        assert_eq!(votes(&one), 3);
        one.members[0].checksum = 5;
        assert_eq!(votes(&one), 2);
        one.members.clear();
        assert_eq!(votes(&one), 1, "its own");
    }
}
