//! Which frozen version of the zone-api a module speaks, and the adapter for it. A minor version grows its major version's
//! submodule in place ("How the contract grows" in zone-api/API.md); a new major version is a new submodule and a new variant
//! here, and the old ones stay.

#[cfg(test)]
mod growth;
mod v1;

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;
use wod_sim::module::Module;

use crate::epoch::EpochTicker;
use crate::error::LoadError;
use crate::limits::Limits;
use crate::package::{Beside, Package};

/// The only package a module may import from.
const PACKAGE: &str = "wod:zone/";
/// The interface that every module exports, up to its version.
const LOGIC: &str = "wod:zone/logic@";
/// The interface that a module exports which judges what players say.
const CHAT_FILTER: &str = "wod:zone/chat-filter@";
/// Major versions served, for people.
const SERVED: &str = "1.x";

/// The zone-api that a file was built for.
#[derive(Debug)]
pub(crate) struct Api {
    major: Major,
    /// Whole, as its export says.
    version: String,
    /// Whether it exports a chat filter.
    filters: bool,
}

/// A major version of the zone-api.
#[derive(Debug, Clone, Copy)]
enum Major {
    V1,
}

impl Api {
    /// The one a file was built for, by what it imports and exports.
    pub(crate) fn of(package: &Package) -> Result<Self, LoadError> {
        if let Some(foreign) = package.imports.iter().find(|import| !import.starts_with(PACKAGE)) {
            return Err(LoadError::ForeignImport(foreign.clone()));
        }
        let ours = |export: &&String| export.starts_with(PACKAGE);
        let known = |export: &String| [LOGIC, CHAT_FILTER].iter().any(|name| export.starts_with(name));
        if let Some(unknown) = package.exports.iter().filter(ours).find(|export| !known(export)) {
            return Err(LoadError::UnknownAbility(unknown.clone()));
        }
        let filters = package.exports.iter().any(|export| export.starts_with(CHAT_FILTER));
        let version = package.exports.iter().find_map(|export| export.strip_prefix(LOGIC)).ok_or(LoadError::NoLogic)?;
        if version.starts_with("1.") {
            Ok(Self { major: Major::V1, version: version.to_owned(), filters })
        } else {
            Err(LoadError::ApiVersion { found: version.to_owned(), served: SERVED })
        }
    }
}

/// One of each major version.
pub(crate) struct Adapters {
    v1: v1::Adapter,
}

impl Adapters {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Ok(Self { v1: v1::Adapter::new(engine)? })
    }

    /// Binds a component's imports; an error where one is missing or has another type.
    pub(crate) fn link(&self, api: Api, component: &Component) -> Result<Linked, LoadError> {
        let (linked, served) = match api.major {
            Major::V1 => (self.v1.link(component, api.filters).map(Linked::V1), v1::VERSION),
        };
        linked.map_err(|error| LoadError::Mismatch { found: api.version, served, what: format!("{error:#}") })
    }
}

/// A component with its imports bound.
#[derive(Clone)]
pub(crate) enum Linked {
    V1(v1::Linked),
}

impl Linked {
    pub(crate) fn instantiate(
        &self,
        ticker: Arc<EpochTicker>,
        beside: Beside,
        limits: &Limits,
    ) -> Result<Box<dyn Module>, LoadError> {
        match self {
            Self::V1(linked) => Ok(Box::new(linked.instantiate(ticker, beside, limits)?)),
        }
    }
}
