//! `wod:zone/query`: reads of the state as it was when the tick began.

use wod_protocol::ids::EntityId;

use super::bindings::wod::zone::query::{Filter, Host, Neighbour, Place};
use super::bindings::wod::zone::types::{Point, View};
use crate::cell::State;

impl Host for State {
    fn entity(&mut self, id: u64) -> wasmtime::Result<Option<View>> {
        Ok(self.calls("query.entity")?.entity(EntityId(id)).map(Into::into))
    }

    fn nearby(&mut self, center: Point, radius: f32, filter: Filter, limit: u32) -> wasmtime::Result<Vec<Neighbour>> {
        let found = self.calls("query.nearby")?.nearby(center.into(), radius, &filter.into(), limit);
        Ok(found.into_iter().map(Into::into).collect())
    }

    fn nearest(&mut self, center: Point, count: u32, filter: Filter) -> wasmtime::Result<Vec<Neighbour>> {
        let found = self.calls("query.nearest")?.nearest(center.into(), count, &filter.into());
        Ok(found.into_iter().map(Into::into).collect())
    }

    fn line_of_sight(&mut self, a: Point, b: Point) -> wasmtime::Result<bool> {
        Ok(self.calls("query.line-of-sight")?.line_of_sight(a.into(), b.into()))
    }

    fn path(&mut self, a: Point, b: Point) -> wasmtime::Result<Option<Vec<Point>>> {
        let way = self.calls("query.path")?.path(a.into(), b.into());
        Ok(way.map(|points| points.into_iter().map(Into::into).collect()))
    }

    fn places(&mut self, name: String) -> wasmtime::Result<Vec<Place>> {
        Ok(self.calls("query.places")?.places(&name).into_iter().map(Into::into).collect())
    }

    /// Of the contract that has grown in tests.
    #[cfg(test)]
    fn daylight(&mut self) -> wasmtime::Result<f32> {
        self.calls("query.daylight")?;
        Ok(crate::api::growth::DAYLIGHT)
    }
}
