//! YAML text as a flat list of nodes that name each other by index.
//!
//! An alias is one more mention of the node it means, so nothing is copied here; whoever walks
//! the nodes bounds depth and work. Mappings are lists of pairs: order and duplicates stay.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScanError};

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    /// Counted from 1.
    pub(super) line: u32,
}

/// What a node is. Numbers are places in [`Tree::nodes`].
#[derive(Debug)]
pub(super) enum Shape {
    Scalar(String),
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
}

/// The nodes of every document of a text.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The root of each document.
    pub(super) roots: Vec<usize>,
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) reason: String,
}

/// Reads every document of a text.
pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
    // A tag handle of one document is known in the next one, as in the line parser, which
    // knows no tags at all.
    let mut parser = Parser::new_from_str(text).keep_tags(true);
    // At its end the parser may be a line further than the text.
    let last = number(text.matches(['\n', '\r']).count() + 1);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error: ScanError| Fault {
            line: number(error.marker().line()).min(last),
            reason: error.info().to_owned(),
        })?;
        builder.take(event, number(span.start.line()).min(last))?;
    }
    Ok(builder.tree)
}

fn number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}

#[derive(Default)]
struct Builder {
    tree: Tree,
    /// Lists and mappings that are still open, outermost first.
    open: Vec<usize>,
    anchors: HashMap<usize, usize>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                self.add(Shape::Scalar(text.into_owned()), anchor, line);
            }
            Event::SequenceStart(anchor, _) => self.begin(Shape::List(Vec::new()), anchor, line),
            Event::MappingStart(anchor, _) => self.begin(Shape::Map(Vec::new()), anchor, line),
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).copied();
                let reason = || "an alias without its anchor".to_owned();
                let node = known.ok_or_else(|| Fault { line, reason: reason() })?;
                self.attach(node);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, shape: Shape, anchor: usize, line: u32) {
        let node = self.add(shape, anchor, line);
        self.open.push(node);
    }

    fn add(&mut self, shape: Shape, anchor: usize, line: u32) -> usize {
        let node = self.tree.nodes.len();
        self.tree.nodes.push(Node { shape, line });
        // The parser numbers anchors from 1; 0 means none.
        if anchor > 0 {
            self.anchors.insert(anchor, node);
        }
        self.attach(node);
        node
    }

    fn attach(&mut self, node: usize) {
        match self.open.last().and_then(|parent| self.tree.nodes.get_mut(*parent)) {
            Some(Node { shape: Shape::List(inside) | Shape::Map(inside), .. }) => {
                inside.push(node);
            }
            _ => self.tree.roots.push(node),
        }
    }
}
