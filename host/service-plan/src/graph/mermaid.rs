//! The graph for Mermaid, which Markdown pages show.

use std::fmt::Write;

use super::{Graph, Node};

impl Graph {
    /// As a flowchart in Mermaid's language.
    pub fn to_mermaid(&self) -> String {
        let mut text = "flowchart LR\n  internet([\"Internet\"])\n".to_owned();
        for (position, role) in self.roles.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  role{position}[{}]", quoted(&[&role.name, &role.count()]));
        }
        for ((from, to), endpoints) in self.bundles() {
            let labels: Vec<String> =
                endpoints.iter().map(|endpoint| format!("{} {}", endpoint.name, endpoint.speaks)).collect();
            let _ = writeln!(text, "  {} -->|{}| role{to}", id(from), quoted(&labels));
        }
        text
    }
}

fn id(node: Node) -> String {
    match node {
        Node::Internet => "internet".to_owned(),
        Node::Role(position) => format!("role{position}"),
    }
}

/// Lines as one quoted label. Labels are HTML and Markdown to Mermaid, and `#` starts its own entities, so every
/// character with a meaning in one of them is written as its number.
fn quoted<T: AsRef<str>>(lines: &[T]) -> String {
    let mut text = "\"".to_owned();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("<br/>");
        }
        for character in line.as_ref().chars() {
            if character.is_control() || "\"#&<>`*_~[](){}|\\".contains(character) {
                let _ = write!(text, "#{};", u32::from(character));
            } else {
                text.push(character);
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_ends_its_quotes_or_is_markup() {
        assert_eq!(quoted(&["a\"]<b>", "#R&D_1"]), "\"a#34;#93;#60;b#62;<br/>#35;R#38;D#95;1\"");
    }
}
