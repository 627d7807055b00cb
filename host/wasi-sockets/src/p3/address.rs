//! Addresses of WASI 0.3.

crate::address::conversions!(super::bindings::wasi::sockets::types);
