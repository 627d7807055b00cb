//! The text format of Prometheus: families of samples.

use std::fmt::Write as _;

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows, until what it counts is new.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Labels of a sample.
type Labels<'a> = [(&'a str, &'a str)];

/// Text that is being written.
#[derive(Default)]
pub(super) struct Exposition(String);

/// A family of the text. Its head is written with its first sample: a family without samples is not there.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: String,
    head: Option<String>,
}

impl Exposition {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: &mut self.0, name: name.to_owned(), head: Some(head) }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// A sample.
    pub(super) fn sample(&mut self, labels: &Labels<'_>, value: u64) {
        self.write(labels, &[], &value.to_string());
    }

    /// A sample with more labels.
    pub(super) fn sample_of(&mut self, labels: &Labels<'_>, more: &Labels<'_>, value: u64) {
        self.write(labels, more, &value.to_string());
    }

    /// A sample in seconds from a number of milliseconds.
    pub(super) fn sample_millis(&mut self, labels: &Labels<'_>, more: &Labels<'_>, millis: u64) {
        self.write(labels, more, &format!("{}.{:03}", millis / 1000, millis % 1000));
    }

    fn write(&mut self, labels: &Labels<'_>, more: &Labels<'_>, value: &str) {
        self.text.push_str(&self.head.take().unwrap_or_default());
        self.text.push_str(&self.name);
        for (number, (name, value)) in labels.iter().chain(more).enumerate() {
            // Writing to a string does not fail.
            let _ = write!(self.text, "{}{name}=\"{}\"", if number == 0 { '{' } else { ',' }, escaped(value));
        }
        if !labels.is_empty() || !more.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_below_the_head_of_their_family() {
        let mut to = Exposition::default();
        to.family("empty", Kind::Gauge, "Nothing.");
        let mut family = to.family("a_total", Kind::Counter, "All.");
        family.sample(&[], 1);
        family.sample_of(&[("x", "1")], &[("y", "\"\\\n")], 2);
        family.sample_millis(&[("x", "1")], &[], 61_005);
        assert_eq!(
            to.finish(),
            "# HELP a_total All.\n# TYPE a_total counter\na_total 1\na_total{x=\"1\",y=\"\\\"\\\\\\n\"} 2\n\
             a_total{x=\"1\"} 61.005\n"
        );
    }
}
