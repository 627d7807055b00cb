//! Buffers are the instance's memory: they are charged to its budget, and when that is used up, senders wait.

use std::sync::Arc;

use bytes::Bytes;
use wasm_roles_virtual_network::tcp::CAPACITY;
use wasm_roles_virtual_network::{Interface, InterfaceLimits, MemoryBudget, Network, TcpListener, TcpStream};

use crate::bed::{CLIENT, Heard, PORT, SERVER, at, index, policy, read_all, write_all};

const MIB: u64 = 1024 * 1024;

/// A connection whose client has a budget, and what keeps it alive.
async fn pair(
    budget: &Arc<MemoryBudget>,
) -> (Network, TcpStream, TcpStream, (Interface, Interface, TcpListener)) {
    let network = Network::new(Arc::new(policy()), Arc::new(Heard::default()));
    let limits = InterfaceLimits::default().with_memory(budget.clone());
    let client = network.attach_with(index(&network, CLIENT), limits).unwrap();
    let server = network.attach(index(&network, SERVER)).unwrap();
    let listener = server.bind(at(SERVER, PORT.get())).unwrap().listen(8).unwrap();
    let stream = client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    let accepted = listener.accept().await.unwrap();
    (network, stream, accepted, (client, server, listener))
}

/// Writes until there is no room, as the adapters do.
fn fill(stream: &TcpStream) -> usize {
    let mut written = 0;
    loop {
        let budget = stream.write_budget().unwrap().min(64 * 1024);
        if budget == 0 {
            return written;
        }
        written += stream.try_write(&mut Bytes::from(vec![7; budget])).unwrap();
    }
}

#[tokio::test]
async fn what_is_buffered_is_charged_and_given_back() {
    let budget = Arc::new(MemoryBudget::new(64 * MIB));
    let (_network, client, server, _alive) = pair(&budget).await;
    assert_eq!(budget.used(), 0, "an idle connection is not charged");
    assert_eq!(fill(&client), CAPACITY);
    assert_eq!(budget.used(), MIB);
    client.shutdown_write();
    assert_eq!(read_all(&server).await.0.len(), CAPACITY);
    assert_eq!(budget.used(), 0);
    fill(&server);
    assert_eq!(budget.used(), 0, "the sender pays");
}

#[tokio::test]
async fn a_sender_without_memory_waits_and_still_gets_everything_through() {
    let budget = Arc::new(MemoryBudget::new(8 * MIB));
    let (_network, client, server, _alive) = pair(&budget).await;
    assert!(budget.try_take(7 * MIB + MIB / 2), "the guest's own memory");
    assert_eq!(fill(&client), 4 * 1024, "the last eighth is not for buffers, but for the guest to grow into");
    let sender = tokio::spawn(async move { write_all(&client, vec![7; 4 * CAPACITY]).await });
    assert_eq!(read_all(&server).await.0.len(), 4 * CAPACITY + 4 * 1024);
    sender.await.unwrap().unwrap();
    assert_eq!(budget.used(), 7 * MIB + MIB / 2);
}

#[tokio::test]
async fn connections_and_sockets_that_end_give_back_what_they_hold() {
    let budget = Arc::new(MemoryBudget::new(64 * MIB));
    let (network, client, server, alive) = pair(&budget).await;
    fill(&client);
    server.reset();
    assert_eq!(budget.used(), 0);
    let receiver = alive.0.bind_udp(at(std::net::Ipv4Addr::LOCALHOST, 5000)).unwrap();
    let sender = alive.0.bind_udp(at(std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..10 {
        sender.send_to(vec![0; 16 * 1024].into(), receiver.local_address()).unwrap();
    }
    assert_eq!(budget.used(), 10 * 16 * 1024, "datagrams are charged to the receiver");
    alive.0.detach();
    assert_eq!(budget.used(), 0);
    drop(network);
}
