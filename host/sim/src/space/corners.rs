//! The corners that shortest ways bend around.
