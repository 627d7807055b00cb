//! The server, as clients of every kind meet it: over the virtual network, with raw bytes and with hyper.

mod access_log;
mod bad_requests;
mod bed;
mod bodies;
mod client;
mod connections;
mod drain;
mod http2;
mod queue;
mod slow;
