//! The compiling child of the tests in `child.rs`: a real one, and some that misbehave.

use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("compile") => wod_sandbox::compile_child_main(),
        Some("deaf") => sleep_for_ever(),
        Some("hang") => {
            let read = std::io::stdin().read_to_end(&mut Vec::new());
            read.map_or(ExitCode::FAILURE, |_| sleep_for_ever())
        }
        Some("crash") => std::process::abort(),
        _ => ExitCode::FAILURE,
    }
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
