//! Writes the JavaScript and TypeScript beside the WASM core, as `wasm-bindgen --target web` does.
//!
//! `e2ee-bindgen <module.wasm> <output folder>`. `wasm-bindgen-cli` does the same, but also has a test
//! runner, and takes several times as long to build.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(module), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: e2ee-bindgen <module.wasm> <output folder>");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).typescript(true).omit_default_module_path(false);
    let written = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("e2ee-bindgen: {error:?}");
            ExitCode::FAILURE
        }
    }
}
