//! The order of elements where the schema has one and the meaning does not need it.

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::xml::Element;

/// Notes each child that stands after one of a later group of `order`. Children in no group do not count.
pub(crate) fn note(element: &Element, order: &[&[&str]], wanted: &str, report: &mut Report) {
    let rank = |child: &Element| order.iter().position(|group| group.contains(&child.name.as_str()));
    let mut previous: Option<(usize, &Element)> = None;
    for child in element.own_children() {
        let Some(rank) = rank(child) else { continue };
        if let Some((before, previous)) = previous
            && before > rank
        {
            let message = format!("`{}` stands after `{}`", child.name, previous.name);
            let note = Diagnostic::at(Code::LegacyForm, &child.span, message);
            report.push(note.label(wanted));
        }
        previous = Some((rank, child));
    }
}
