//! The sandbox from outside: what modules may do, and that nothing they do gets out.

#![allow(clippy::unwrap_used, reason = "in tests a failed expectation is a failed test")]

mod attacks;
mod chat_filter;
mod child;
mod contract;
mod files;
mod frozen;
mod growth;
mod host;
mod lines;
mod support;
