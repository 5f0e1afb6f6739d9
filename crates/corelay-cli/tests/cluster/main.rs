//! More than one machine: HAProxy, with the very file of `deploy/haproxy`, before three nodes, each in a network namespace of its
//! own, and clients in another one.
//!
//! It needs HAProxy, and root for the namespaces; where these are not to be had every test fails and says so.

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared by several test targets, and each uses its own part of it"
)]
mod support;

mod balanced;
mod death;
mod load;
mod machines;
mod rolling_restart;
