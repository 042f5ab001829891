//! The small interfaces: `content`, `random`, `log`, `metrics`, `progress`; and those that are types alone.

use super::act::ActError;
use super::bindings::wod::zone::types::{self, LogLevel};
use super::bindings::wod::zone::{content, events, log, metrics, progress, random};
use crate::cell::State;

impl content::Host for State {
    fn read(&mut self, name: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.calls("content.read")?;
        Ok(self.content(&name).map(<[u8]>::to_vec))
    }
}

impl random::Host for State {
    fn next(&mut self) -> wasmtime::Result<u64> {
        Ok(self.calls("random.next")?.random())
    }
}

impl log::Host for State {
    fn write(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        if matches!(level, LogLevel::Error) {
            // The SDK logs a panic's message just before the trap; also where nobody may log, the trap shall tell it.
            self.note_error(message.clone());
        }
        self.calls("log.write")?.log(level.into(), message, fields);
        Ok(())
    }
}

impl metrics::Host for State {
    fn add(&mut self, counter: String, by: u64) -> wasmtime::Result<()> {
        self.calls("metrics.add")?.count(counter, by);
        Ok(())
    }

    fn set(&mut self, gauge: String, value: f64) -> wasmtime::Result<()> {
        self.calls("metrics.set")?.gauge(gauge, value);
        Ok(())
    }

    fn observe(&mut self, histogram: String, value: f64) -> wasmtime::Result<()> {
        self.calls("metrics.observe")?.observe(histogram, value);
        Ok(())
    }
}

impl progress::Host for State {
    fn at(&mut self, index: u32) -> wasmtime::Result<()> {
        self.calls("progress.at")?.progress(index);
        Ok(())
    }
}

impl types::Host for State {
    fn convert_refusal(&mut self, error: ActError) -> wasmtime::Result<types::Refusal> {
        match error {
            ActError::Refused(refusal) => Ok(refusal.into()),
            ActError::Trap(error) => Err(error),
        }
    }
}

impl events::Host for State {}
