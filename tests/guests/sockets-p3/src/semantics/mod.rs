//! The sentences of `wasi:sockets` 0.3, one call each. Each line of the report is one call and its outcome; what it should
//! be stands in the table of semantics beside the test that runs this. `sockets-p2` has the same lines for 0.2, as far as it
//! has the calls.

mod tcp_addresses;
mod tcp_data;
mod tcp_options;
mod tcp_states;
mod udp_datagrams;
mod udp_states;

use crate::report::Report;

/// `port` is one that the instance may listen on at its own address.
pub async fn report(port: u16) {
    Report::of(async |report| {
        tcp_states::report(report).await;
        tcp_addresses::report(report, port).await;
        tcp_options::report(report).await;
        tcp_data::report(report).await;
        udp_states::report(report).await;
        udp_datagrams::report(report).await;
    })
    .await;
}
