//! From what this instance reaches to what all of them reach.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wasm_roles_sdk::net::TcpStream;
use wasm_roles_sdk::{RoleEnvironment, timeout};

use crate::probe::{Target, probe_all};
use crate::protocol::{MAX_ANSWER, Question, from_lines};
use crate::row::{Outcome, Row};

/// This instance's rows, and those of every role that has not been visited and that can be reached from here,
/// directly or through others.
pub(crate) async fn collect(question: Question) -> Vec<Row> {
    let deadline = Instant::now().checked_add(question.wait);
    let own_role = RoleEnvironment::current_instance().role;
    let mut visited: BTreeSet<String> = question.visited.into_iter().collect();
    visited.insert(own_role.clone());

    let probes = probe_all().await;
    let ways: Vec<Target> = probes
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Connected)
        .map(|(target, _)| target.clone())
        .collect();
    let mut rows: Vec<Row> =
        probes.into_iter().map(|(target, outcome)| target.into_row(&own_role, outcome)).collect();

    // One role after the other: each is told of the roles that the ones before have asked.
    for way in ways {
        if visited.contains(&way.role) {
            continue;
        }
        let left =
            deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
        match ask(way.address, &visited, left).await {
            Ok(answer) => rows.extend(only_new(answer, &mut visited)),
            Err(error) => eprintln!("{} of {} gave no answer: {error}", way.endpoint, way.role),
        }
    }
    rows
}

/// Keeps the rows of roles that were not known before, and marks those as visited.
fn only_new(answer: Vec<Row>, visited: &mut BTreeSet<String>) -> Vec<Row> {
    let new: Vec<Row> = answer.into_iter().filter(|row| !visited.contains(&row.from)).collect();
    visited.extend(new.iter().map(|row| row.from.clone()));
    new
}

async fn ask(address: SocketAddr, visited: &BTreeSet<String>, left: Duration) -> io::Result<Vec<Row>> {
    // The one who is asked gets less time than there is, so that its answer still finds us waiting.
    let question = Question { wait: left.mul_f32(0.75), visited: visited.iter().cloned().collect() };
    let text = timeout(left, exchange(address, question.to_line())).await??;
    from_lines(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

async fn exchange(address: SocketAddr, question: String) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(question).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() <= MAX_ANSWER {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => {
                return String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            Some(bytes) => answer.extend_from_slice(bytes),
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(from: &str) -> Row {
        Row {
            from: from.to_owned(),
            to: "B".to_owned(),
            endpoint: "E".to_owned(),
            outcome: Outcome::Connected,
        }
    }

    #[test]
    fn a_role_that_was_asked_before_is_not_heard_again() {
        let mut visited = BTreeSet::from(["A".to_owned()]);
        assert_eq!(only_new(vec![row("A"), row("B"), row("B")], &mut visited), [row("B"), row("B")]);
        assert_eq!(visited, BTreeSet::from(["A".to_owned(), "B".to_owned()]));
    }
}
