//! Lines that guests write.

use std::mem::size_of;
use std::time::Duration;

use wasm_roles_control_interface::{LogLine, LogStream, Timestamp};
use wasm_roles_fabric::{Line, OutputStream};
use wasm_roles_service_plan::InstanceId;

/// A line with its number, and how many bytes it takes.
pub(crate) fn log_line(
    sequence: u64,
    time: Duration,
    instance: &InstanceId,
    task: Option<&str>,
    stream: OutputStream,
    line: &Line,
) -> (LogLine, usize) {
    let message = String::from_utf8_lossy(&line.bytes).into_owned();
    let line = LogLine {
        sequence,
        time: Timestamp::since_1970(time),
        instance: instance.to_string(),
        role: role_of(instance.as_str()).to_owned(),
        task: task.map(str::to_owned),
        stream: match stream {
            OutputStream::Stdout => LogStream::Stdout,
            OutputStream::Stderr => LogStream::Stderr,
            OutputStream::AccessLog => LogStream::AccessLog,
        },
        message,
        cut: line.cut,
    };
    let text = line.message.len() + line.instance.len() + line.role.len();
    let size = size_of::<LogLine>() + text + line.task.as_ref().map_or(0, String::len);
    (line, size)
}

/// The role of an instance, by its id: `<role>_IN_<ordinal>`.
pub(crate) fn role_of(instance: &str) -> &str {
    instance.rsplit_once("_IN_").map_or(instance, |(role, _)| role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_service_plan::RoleName;

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_the_rest_stays() {
        let instance = InstanceId::new(&RoleName::new("A_IN_1").unwrap(), 7);
        let line = Line { bytes: b"a\xffb\x1b".to_vec(), cut: true };
        let (line, size) = log_line(3, Duration::from_secs(1), &instance, None, OutputStream::Stderr, &line);
        assert_eq!((line.message.as_str(), line.cut, line.sequence), ("a\u{fffd}b\u{1b}", true, 3));
        assert_eq!((line.instance.as_str(), line.role.as_str()), ("A_IN_1_IN_7", "A_IN_1"));
        assert!(size > line.message.len());
    }
}
