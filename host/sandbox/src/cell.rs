//! How a call enters a component and comes out again, whatever happens inside: the part that all API versions share.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wod_sim::module::{Fault, HostCalls};

use crate::epoch::{EpochTicker, Running};
use crate::fault::{classify, truncate};
use crate::limits::{Limits, TimeLimits};
use crate::lines::LineTable;
use crate::package::{Beside, Content};

/// Longest line of a module that is kept to explain a fault, bytes.
const LAST_ERROR_BYTES: usize = 512;

/// A store of its own for one instance, and the rules for calling into it.
pub(crate) struct Cell {
    store: Store<State>,
    hostcall_bytes: usize,
    save_bytes: usize,
    time: Option<TimeLimits>,
    time_enforced: bool,
    /// Without it no call would ever be interrupted.
    ticker: Arc<EpochTicker>,
    /// Where its code is in its sources.
    lines: Option<Arc<LineTable>>,
}

/// The calls into a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    /// With the instantiation before it.
    Describe,
    Init,
    Tick,
    Filter,
    Save,
    Load,
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::Init => "init",
            Self::Tick => "tick",
            Self::Filter => "filter",
            Self::Save => "save",
            Self::Load => "load",
        })
    }
}

impl Cell {
    pub(crate) fn new(engine: &Engine, ticker: Arc<EpochTicker>, beside: Beside, limits: &Limits) -> Self {
        let Beside { content, lines } = beside;
        let mut store = Store::new(engine, State::new(content, limits));
        store.limiter(|state| &mut state.memory);
        store.set_max_component_handles(limits.handles);
        store.epoch_deadline_callback(|context| {
            context.data().check_time()?;
            Ok(UpdateDeadline::Continue(1))
        });
        Self {
            store,
            hostcall_bytes: limits.hostcall_bytes,
            save_bytes: limits.save_bytes,
            time: limits.time.clone(),
            time_enforced: true,
            ticker,
            lines,
        }
    }

    /// Whether the calls from now on are held to their limits of time.
    pub(crate) fn enforce_time(&mut self, enforced: bool) {
        self.time_enforced = enforced;
    }

    /// Calls without host calls: `describe`, `save`, `load`. An import then traps.
    pub(crate) fn enter<R>(
        &mut self,
        export: Export,
        call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let _running = self.begin(export);
        call(&mut self.store).map_err(|error| self.fault(&error, export, None))
    }

    /// Calls with host calls: `init`, `tick`, `filter`. Gives them back in any case.
    pub(crate) fn enter_with<R>(
        &mut self,
        export: Export,
        calls: Box<dyn HostCalls>,
        call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
    ) -> (Box<dyn HostCalls>, Result<R, Fault>) {
        let _running = self.begin(export);
        self.store.data_mut().calls = Some(calls);
        let result = call(&mut self.store);
        let calls = self.store.data_mut().calls.take().expect("put there above; host calls only borrow it");
        let result = result.map_err(|error| self.fault(&error, export, calls.marked()));
        (calls, result)
    }

    fn begin(&mut self, export: Export) -> Running {
        let carries = if export == Export::Save { self.save_bytes } else { self.hostcall_bytes };
        self.store.set_hostcall_fuel(carries);
        self.store.set_epoch_deadline(1);
        let time = self.time.as_ref().filter(|_| self.time_enforced);
        let deadline = time.map(|time| Deadline::starting_now(time.cpu(export), time.wall()));
        let state = self.store.data_mut();
        state.export = export;
        state.deadline = deadline;
        state.memory.refused = None;
        state.last_error = None;
        self.ticker.running()
    }

    fn fault(&self, error: &wasmtime::Error, export: Export, event: Option<u32>) -> Fault {
        let (kind, detail) = classify(error, export, self.store.data(), self.lines.as_deref());
        Fault { kind, detail, event }
    }
}

/// What belongs to a store.
pub(crate) struct State {
    /// During `init`, `tick` and `filter` only.
    calls: Option<Box<dyn HostCalls>>,
    content: Content,
    export: Export,
    deadline: Option<Deadline>,
    memory: Meter,
    last_error: Option<String>,
}

impl State {
    fn new(content: Content, limits: &Limits) -> Self {
        let memory = Meter::new(limits);
        Self { calls: None, content, export: Export::Describe, deadline: None, memory, last_error: None }
    }

    /// The host's side of the running call, for `import`; an error (a trap) where no import may be called.
    pub(crate) fn calls(&mut self, import: &'static str) -> wasmtime::Result<&mut dyn HostCalls> {
        match &mut self.calls {
            Some(calls) => Ok(calls.as_mut()),
            None => Err(NotDuring { import, export: self.export }.into()),
        }
    }

    /// What was packed with the module under this name.
    pub(crate) fn content(&self, name: &str) -> Option<&[u8]> {
        self.content.get(name).map(|bytes| &bytes[..])
    }

    /// Remembers what the module says went wrong, in case it goes wrong.
    pub(crate) fn note_error(&mut self, mut line: String) {
        truncate(&mut line, LAST_ERROR_BYTES);
        self.last_error = Some(line);
    }

    /// The call's last error line.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The last growth of memory or a table that was refused during the call.
    pub(crate) fn refused_growth(&self) -> Option<&RefusedGrowth> {
        self.memory.refused.as_ref()
    }

    fn check_time(&self) -> Result<(), OverTime> {
        self.deadline.as_ref().map_or(Ok(()), Deadline::check)
    }
}

/// An import was called where none may be.
#[derive(Debug, thiserror::Error)]
#[error("the module called `{import}` during `{export}`, where no import may be called")]
struct NotDuring {
    import: &'static str,
    export: Export,
}

/// When a call is over its time.
struct Deadline {
    cpu_start: Duration,
    wall_start: Instant,
    cpu: Duration,
    wall: Duration,
}

impl Deadline {
    fn starting_now(cpu: Duration, wall: Duration) -> Self {
        Self { cpu_start: thread_cpu_time(), wall_start: Instant::now(), cpu, wall }
    }

    /// On the thread that started the call.
    fn check(&self) -> Result<(), OverTime> {
        let cpu = thread_cpu_time().saturating_sub(self.cpu_start);
        if cpu >= self.cpu {
            return Err(OverTime { what: "computed", took: cpu, limit: self.cpu });
        }
        let wall = self.wall_start.elapsed();
        if wall >= self.wall {
            return Err(OverTime { what: "lasted", took: wall, limit: self.wall });
        }
        Ok(())
    }
}

/// A call was interrupted.
#[derive(Debug, thiserror::Error)]
#[error("the call {what} for {} ms, it may for {} ms", .took.as_millis(), .limit.as_millis())]
pub(crate) struct OverTime {
    what: &'static str,
    took: Duration,
    limit: Duration,
}

/// Processor time that the calling thread has used: unlike the clock, it does not go on while others have the processor.
pub fn thread_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.try_into().expect("the kernel gives 0 to 999,999,999 ns"))
}

/// Counts and bounds what a store allocates. What the machine then refuses stays counted: nothing else may be, or a module
/// could lower its count with growths that fail.
struct Meter {
    memory: Budget,
    elements: Budget,
    memories: usize,
    tables: usize,
    instances: usize,
    refused: Option<RefusedGrowth>,
}

/// A sum over all of a store's memories, or tables.
struct Budget {
    unit: &'static str,
    used: usize,
    limit: usize,
}

/// A growth over a limit.
#[derive(Debug, thiserror::Error)]
#[error("it wanted {wanted} {unit}, at most {limit} are allowed")]
pub(crate) struct RefusedGrowth {
    wanted: usize,
    unit: &'static str,
    limit: usize,
}

impl Budget {
    fn grow(&mut self, current: usize, desired: usize) -> Result<(), RefusedGrowth> {
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            return Err(RefusedGrowth { wanted, unit: self.unit, limit: self.limit });
        }
        self.used = wanted;
        Ok(())
    }
}

impl Meter {
    fn new(limits: &Limits) -> Self {
        Self {
            memory: Budget { unit: "bytes of memory", used: 0, limit: limits.memory_bytes },
            elements: Budget { unit: "table elements", used: 0, limit: limits.table_elements },
            memories: limits.memories,
            tables: limits.tables,
            instances: limits.instances,
            refused: None,
        }
    }

    fn permit(&mut self, grown: Result<(), RefusedGrowth>) -> bool {
        grown.map_err(|refused| self.refused = Some(refused)).is_ok()
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let grown = self.memory.grow(current, desired);
        Ok(self.permit(grown))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let grown = self.elements.grow(current, desired);
        Ok(self.permit(grown))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
