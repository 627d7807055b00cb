//! Addresses of WASI 0.2.

crate::address::conversions!(super::bindings::wasi::sockets::network);
