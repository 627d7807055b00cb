//! The public ports of single instances come and go with them.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::bed::{Bed, Configured, ONE_EACH};

#[tokio::test(start_paused = true)]
async fn a_new_instance_answers_at_its_own_public_port_until_it_goes() {
    let serving = Configured { front: 0, mode: "serve run", ..ONE_EACH };
    let mut bed = Bed::ready("", serving).await;
    let direct = bed.direct;
    assert_eq!(bed.published(), [direct]);
    assert!(TcpStream::connect(("127.0.0.1", direct + 1)).await.is_err());

    bed.change(Configured { back: 2, ..serving }).await;
    assert_eq!(bed.published(), [direct, direct + 1]);
    let mut stream = TcpStream::connect(("127.0.0.1", direct + 1)).await.unwrap();
    assert_eq!(bed.hears("accepted").await, "Back_IN_1 accepted");
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "the guest closes it");

    bed.change(serving).await;
    assert_eq!(bed.published(), [direct]);
    assert!(TcpStream::connect(("127.0.0.1", direct + 1)).await.is_err());
    TcpStream::connect(("127.0.0.1", direct)).await.unwrap();
    assert_eq!(bed.hears("accepted").await, "Back_IN_0 accepted");
}
