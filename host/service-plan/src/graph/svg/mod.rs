//! The graph as a picture for browsers.
//!
//! Columns from left to right: the world outside, then each role as far from it as calls have to go. A role is a box
//! with its endpoints as rows; an arrow goes from the box of the role that calls to the row that it may reach. So the
//! label of every arrow is at its head, and no label lies on another.

mod layout;

use std::fmt::Write;

use super::{Edge, Graph, Node, Role};
use crate::xml::attribute_value as escaped;
use layout::{Block, HEADER, Layout, MARGIN, ROW, shown};

/// One colour for each role that calls, so that an arrow can be followed to where it starts. Dark enough on white.
const COLORS: [&str; 8] =
    ["#0b62a4", "#a3410b", "#2a7a2a", "#8a1f8a", "#8a6a00", "#00757d", "#b01e46", "#4a4ab8"];
const OUTSIDE: &str = "#444444";

impl Graph {
    /// As an SVG document.
    pub fn to_svg(&self) -> String {
        let layout = Layout::of(self);
        let (width, height) = (layout.width, layout.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
             font-size=\"12\">\n<title>{}: who may talk to whom</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n<defs>\n",
            escaped(&self.service)
        );
        for (number, color) in COLORS.iter().chain([&OUTSIDE]).enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<marker id=\"head{number}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
                 markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"{color}\"/></marker>"
            );
        }
        svg.push_str("</defs>\n");
        for edge in &self.edges {
            svg.push_str(&self.arrow(&layout, edge).unwrap_or_default());
        }
        svg.push_str(&outside(&layout.internet));
        for (position, (role, block)) in self.roles.iter().zip(&layout.roles).enumerate() {
            svg.push_str(&role_box(role, block, color(Node::Role(position)).1));
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn arrow(&self, layout: &Layout, edge: &Edge) -> Option<String> {
        let target = self.role(edge.to)?;
        let endpoint = target.endpoints.get(edge.endpoint)?;
        let (from, name) = match edge.from {
            Node::Internet => (&layout.internet, "Internet"),
            Node::Role(position) => (layout.roles.get(position)?, self.role(position)?.name.as_str()),
        };
        let (number, color) = color(edge.from);
        Some(format!(
            "<path d=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" marker-end=\"url(#head{number})\">\
             <title>{} to {}: {} {}</title></path>\n",
            curve(from, layout.roles.get(edge.to)?, edge.endpoint),
            escaped(name),
            escaped(&target.name),
            escaped(&endpoint.name),
            endpoint.speaks
        ))
    }
}

fn color(node: Node) -> (usize, &'static str) {
    let number = match node {
        Node::Internet => COLORS.len(),
        Node::Role(position) => position % COLORS.len(),
    };
    (number, COLORS.get(number).copied().unwrap_or(OUTSIDE))
}

/// To the right where the target is further on, else round the sides that face each other.
fn curve(from: &Block, to: &Block, endpoint: usize) -> String {
    let (y1, y2) = (from.header_middle(), to.row_middle(endpoint));
    let (x1, x2, c1, c2) = if from.column < to.column {
        let reach = (to.x - from.right()).clamp(40, 120);
        (from.right(), to.x, from.right() + reach, to.x - reach)
    } else if from.column == to.column {
        let bend = 30 + ((y2 - y1).abs() / 6).min(90);
        (from.right(), to.right(), from.right() + bend, to.right() + bend)
    } else {
        (from.x, to.right(), from.x - 70, to.right() + 70)
    };
    format!("M{x1},{y1} C{c1},{y1} {c2},{y2} {x2},{y2}")
}

fn outside(block: &Block) -> String {
    let Block { x, y, width, height, .. } = *block;
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{}\" fill=\"#f2f2f2\" \
         stroke=\"{OUTSIDE}\"/>\n<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">Internet</text>\n",
        height / 2,
        x + width / 2,
        y + height / 2 + 4
    )
}

fn role_box(role: &Role, block: &Block, color: &str) -> String {
    let Block { x, y, width, height, .. } = *block;
    let (text_x, name) = (x + MARGIN, escaped(&shown(&role.name)));
    let mut svg = format!(
        "<g><title>{}</title>\n<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\" \
         fill=\"#ffffff\" stroke=\"{color}\" stroke-width=\"1.5\"/>\n\
         <text x=\"{text_x}\" y=\"{}\" font-weight=\"bold\" fill=\"{color}\">{name}</text>\n\
         <text x=\"{text_x}\" y=\"{}\" fill=\"#444444\">{}</text>\n",
        escaped(&role.name),
        y + 17,
        y + 33,
        role.count()
    );
    for (number, endpoint) in role.endpoints.iter().enumerate() {
        let middle = block.row_middle(number);
        let (top, right) = (middle - ROW / 2, block.right());
        let _ = write!(
            svg,
            "<line x1=\"{x}\" y1=\"{top}\" x2=\"{right}\" y2=\"{top}\" stroke=\"#cccccc\"/>\n\
             <text x=\"{text_x}\" y=\"{}\">{} <tspan fill=\"#444444\">{}</tspan></text>\n",
            middle + 4,
            escaped(&shown(&endpoint.name)),
            endpoint.speaks
        );
    }
    svg.push_str("</g>\n");
    svg
}

impl Block {
    fn right(&self) -> i64 {
        self.x + self.width
    }

    fn header_middle(&self) -> i64 {
        self.y + self.height.min(HEADER) / 2
    }

    fn row_middle(&self, number: usize) -> i64 {
        self.y + HEADER + layout::units(number) * ROW + ROW / 2
    }
}
