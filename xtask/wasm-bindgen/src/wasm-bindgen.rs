//! `wasm-bindgen INPUT.wasm FOLDER [--names]`: writes the bindings of the SDK. With `--names` the wasm keeps the names of
//! its functions.

use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, folder, names) = match &arguments[..] {
        [input, folder] => (input, folder, false),
        [input, folder, option] if option == "--names" => (input, folder, true),
        _ => anyhow::bail!("usage: wasm-bindgen INPUT.wasm FOLDER [--names]"),
    };
    Bindgen::new()
        .input_path(input)
        .web(true)?
        .typescript(false)
        // Every browser that can run the wasm has `TextEncoder.encodeInto`, so no test and no fallback for
        // it.
        .encode_into(EncodeInto::Always)
        .remove_producers_section(true)
        .remove_name_section(!names)
        .out_name("doorward")
        .generate(folder)
}
