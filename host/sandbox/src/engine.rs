//! How wasmtime is set up. One configuration for the host, the compiling child and every test: compiled code fits them all.

use std::num::NonZeroUsize;

use wasmtime::{Config, Engine};

use crate::error::SandboxError;

/// Stack that a module's own calls may use, bytes. Over it is a stack overflow of the module.
const WASM_STACK_BYTES: usize = 512 * 1024;
/// Stack that a thread needs which calls modules, bytes: the module's own, and ample room for the host calls on top of it.
pub const THREAD_STACK_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of address space (not memory) an instance's linear memory reserves, so that no access needs a bounds check. 47 bits
/// of address space hold 32,000 of them.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Unmapped bytes behind it.
const MEMORY_GUARD: u64 = 32 << 20;

/// Most frames of a trap's backtrace, and how many make it a deep recursion.
pub(crate) const DEEP_FRAMES: usize = 128;

/// An engine with our settings.
pub(crate) fn engine() -> Result<Engine, SandboxError> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD);
    // A replay on another processor must get the same bits.
    config.cranelift_nan_canonicalization(true).wasm_relaxed_simd(false).relaxed_simd_deterministic(true);
    // Whatever modules don't need is attack surface. Threads are left out of the build.
    config
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        .wasm_tail_call(false);
    // Looked at after a trap only: see `DEEP_FRAMES`.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(DEEP_FRAMES));
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}
