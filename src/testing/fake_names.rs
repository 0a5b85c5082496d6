//! Names of addresses, made by hand.
//!
//! Runs on: tests. Must not: be compiled into the library.

use std::sync::Arc;

use crate::record::{NamedFrame, Place};
use crate::symbolize::Namer;

/// Names one frame for each address.
#[derive(Clone, Copy)]
pub(crate) struct FakeNames {
    /// Number of the newest panic.
    pub(crate) newest: u64,
    pub(crate) name: fn(u64) -> NamedFrame,
    /// Whether something catches there that is no root.
    pub(crate) catches: fn(u64) -> bool,
    /// Whether the address is the C library's.
    pub(crate) is_c: fn(u64) -> bool,
}

impl Namer for FakeNames {
    fn newest(&self) -> u64 {
        self.newest
    }

    fn name(&mut self, ips: &[u64]) -> Arc<[NamedFrame]> {
        ips.iter().enumerate().map(|(call, ip)| NamedFrame { call, ..(self.name)(*ip) }).collect()
    }

    fn outside_of_c(&mut self, ips: &[u64]) -> Vec<u64> {
        ips.iter().copied().filter(|ip| !(self.is_c)(*ip)).collect()
    }

    fn addresses(&mut self, ips: &[u64]) -> Vec<String> {
        ips.iter().map(|ip| format!("app+{ip:#x}")).collect()
    }

    fn catches_at_root_only(&mut self, ips: &[u64]) -> bool {
        !ips.iter().any(|ip| (self.catches)(*ip))
    }

    fn redact_place(&mut self, place: Place) -> Place {
        place
    }

    fn redact_thread_name(&mut self, name: String) -> String {
        format!("<{name}>")
    }
}
