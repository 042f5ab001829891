//! Exact integer geometry.
