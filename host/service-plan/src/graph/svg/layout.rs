//! Where the boxes stand. All lengths are in units of the picture, which are pixels without zoom.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::graph::{Graph, Node, Role};

/// Space inside a box beside its text.
pub(super) const MARGIN: i64 = 12;
/// Height of a role's name and instance count.
pub(super) const HEADER: i64 = 42;
/// Height of an endpoint.
pub(super) const ROW: i64 = 22;

/// Around everything; wide enough for arrows that turn back on the right.
const BORDER: i64 = 40;
/// Between columns, for the arrows.
const GAP: i64 = 170;
/// Between boxes of a column.
const SPACE: i64 = 36;
/// Around what turns back on the right of the last column.
const TURN: i64 = 100;
/// Tenths of a unit for each character of the font at its size.
const TENTHS_PER_CHARACTER: i64 = 73;
/// Longer names are cut in the picture; their titles have all of them.
const LONGEST: usize = 40;

/// A box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// From 0 for the world outside.
    pub column: usize,
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

/// Where everything stands.
pub(super) struct Layout {
    pub internet: Block,
    /// In the order of the graph.
    pub roles: Vec<Block>,
    pub width: i64,
    pub height: i64,
}

impl Layout {
    /// Columns side by side, each in the middle of the height.
    pub(super) fn of(graph: &Graph) -> Layout {
        let columns = columns(graph);
        let mut internet = Block { column: 0, x: BORDER, y: BORDER, width: 90, height: 36 };
        let mut roles: Vec<Block> = Vec::with_capacity(graph.roles.len());
        for (role, column) in graph.roles.iter().zip(&columns) {
            let height = HEADER + units(role.endpoints.len()) * ROW;
            roles.push(Block { column: *column, x: 0, y: 0, width: width_of(role), height });
        }
        let last = columns.iter().copied().max().unwrap_or_default();
        let mut members: Vec<Vec<&mut Block>> = (0..=last).map(|_| Vec::new()).collect();
        for block in std::iter::once(&mut internet).chain(&mut roles) {
            if let Some(column) = members.get_mut(block.column) {
                column.push(block);
            }
        }
        let tallest = members.iter().map(|column| height_of(column)).max().unwrap_or_default();
        let mut x = BORDER;
        for column in &mut members {
            let mut y = BORDER + (tallest - height_of(column)) / 2;
            let widest = column.iter().map(|block| block.width).max().unwrap_or_default();
            for block in column {
                (block.x, block.y, block.width) = (x, y, widest);
                y += block.height + SPACE;
            }
            x += widest + GAP;
        }
        Layout { internet, roles, width: x - GAP + TURN + BORDER, height: tallest + 2 * BORDER }
    }
}

/// The column of each role: how many calls away from outside it is, at least 1. Roles that no call from outside
/// leads to start again at 1.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut reached: Vec<Vec<usize>> = graph.roles.iter().map(|_| Vec::new()).collect();
    let mut columns: Vec<Option<usize>> = graph.roles.iter().map(|_| None).collect();
    let mut next = VecDeque::new();
    for (from, to) in graph.bundles().into_keys() {
        match from {
            Node::Internet => next.push_back((to, 1)),
            Node::Role(from) => reached.get_mut(from).into_iter().for_each(|targets| targets.push(to)),
        }
    }
    // After those that calls from outside lead to, each other role in turn, unless it has its column by then.
    for start in 0..graph.roles.len() {
        while let Some((role, column)) = next.pop_front() {
            let Some(slot) = columns.get_mut(role).filter(|slot| slot.is_none()) else { continue };
            *slot = Some(column);
            let targets = reached.get(role).into_iter().flatten();
            next.extend(targets.map(|target| (*target, column.saturating_add(1))));
        }
        if columns.get(start).is_some_and(Option::is_none) {
            next.push_back((start, 1));
        }
    }
    columns.into_iter().map(|column| column.unwrap_or(1)).collect()
}

fn height_of(column: &[&mut Block]) -> i64 {
    let heights: i64 = column.iter().map(|block| block.height).sum();
    heights + SPACE * (units(column.len()) - 1).max(0)
}

fn width_of(role: &Role) -> i64 {
    let row = |name: &str, speaks: &str| cells(&shown(name)) + 1 + cells(speaks);
    let rows = role.endpoints.iter().map(|endpoint| row(&endpoint.name, &endpoint.speaks));
    let widest = rows.chain([cells(&shown(&role.name)), cells(&role.count())]).max().unwrap_or_default();
    widest * TENTHS_PER_CHARACTER / 10 + 2 * MARGIN
}

/// Characters of other scripts may be twice as wide.
fn cells(text: &str) -> i64 {
    text.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum()
}

/// A name as the picture has it: cut when it is too long.
pub(super) fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

/// A count as a length. More than fit are as good as the most that fit.
pub(super) fn units(count: usize) -> i64 {
    i64::from(i32::try_from(count).unwrap_or(i32::MAX))
}
