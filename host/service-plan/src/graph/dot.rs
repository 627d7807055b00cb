//! The graph for Graphviz.

use std::fmt::Write;

use super::{Graph, Node};

impl Graph {
    /// As a directed graph in Graphviz's language.
    pub fn to_dot(&self) -> String {
        let mut text = format!("digraph {} {{\n", quoted(&[&self.service]));
        text.push_str("  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
        text.push_str("  internet [label=\"Internet\", shape=ellipse];\n");
        for (position, role) in self.roles.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  role{position} [label={}];", quoted(&[&role.name, &role.count()]));
        }
        for ((from, to), endpoints) in self.bundles() {
            let labels: Vec<String> =
                endpoints.iter().map(|endpoint| format!("{} {}", endpoint.name, endpoint.speaks)).collect();
            let _ = writeln!(text, "  {} -> role{to} [label={}];", id(from), quoted(&labels));
        }
        text.push_str("}\n");
        text
    }
}

fn id(node: Node) -> String {
    match node {
        Node::Internet => "internet".to_owned(),
        Node::Role(position) => format!("role{position}"),
    }
}

/// Lines as one quoted string. Graphviz reads `\` as an escape and `&` as the start of an entity.
fn quoted<T: AsRef<str>>(lines: &[T]) -> String {
    let escaped = |line: &T| {
        line.as_ref()
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('&', "&amp;")
            .replace(['\n', '\r'], " ")
    };
    let lines: Vec<String> = lines.iter().map(escaped).collect();
    format!("\"{}\"", lines.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_ends_its_quotes() {
        assert_eq!(quoted(&["a\"];b", "c\\", "R&D"]), r#""a\"];b\nc\\\nR&amp;D""#);
    }
}
