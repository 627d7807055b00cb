//! The sentences of `wasi:sockets` 0.2, one call each. Each line of the report is one call and its outcome; what it should
//! be stands in the table of semantics beside the test that runs this. `sockets-p3` has the same lines for 0.3, as far as it
//! has the calls.

mod tcp_addresses;
mod tcp_data;
mod tcp_options;
mod tcp_states;
mod udp_datagrams;
mod udp_states;

use crate::report::Report;

/// `port` is one that the instance may listen on at its own address.
pub fn report(port: u16) {
    let scenarios = [
        tcp_states::SCENARIOS,
        tcp_addresses::SCENARIOS,
        tcp_options::SCENARIOS,
        tcp_data::SCENARIOS,
        udp_states::SCENARIOS,
        udp_datagrams::SCENARIOS,
    ];
    Report::of(|report| {
        for (name, scenario) in scenarios.into_iter().flatten() {
            report.part(name, scenario);
        }
        report.part("tcp wildcards", |report| tcp_addresses::wildcards(report, port));
    });
}
