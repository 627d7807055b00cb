//! Probes: who answers them gets connections, whatever the status says.

use std::io::ErrorKind;

use crate::bed::Bed;

#[tokio::test(start_paused = true)]
async fn an_instance_whose_page_fails_goes_out_of_the_rotation_of_that_port_and_comes_back() {
    let mut bed = Bed::ready().await;
    bed.hears("W_IN_1 answers Page of 83").await;
    bed.get(10_101, "/sick").await;
    bed.hears("W_IN_1 does not answer Page of 83: status 500, only 200 is healthy").await;
    assert_eq!(bed.who_answers(83).await, ["W_IN_0", "W_IN_2"]);
    assert_eq!(bed.who_answers(80).await, ["W_IN_0", "W_IN_1", "W_IN_2"], "it is Ready all the time");
    assert_eq!(bed.who_answers(84).await, ["W_IN_0", "W_IN_1", "W_IN_2"], "it listens all the time");

    bed.get(10_101, "/well").await;
    bed.hears("W_IN_1 answers Page of 83").await;
    assert_eq!(bed.who_answers(83).await, ["W_IN_0", "W_IN_1", "W_IN_2"]);
}

#[tokio::test(start_paused = true)]
async fn a_port_whose_probe_nobody_answers_takes_no_connections_although_all_are_ready() {
    let mut bed = Bed::ready().await;
    let refused = bed.try_get(85, "/").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);
    bed.hears("W_IN_0 does not answer Nobody of 85: connection refused").await;
}
