//! Making the file that a content team publishes: Tiled map in, component with packed map out.

pub(crate) mod component;
