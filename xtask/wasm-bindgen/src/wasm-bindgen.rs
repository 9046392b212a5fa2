//! `wasm-bindgen INPUT.wasm FOLDER`: writes the bindings of the SDK.

use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = &arguments[..] else {
        anyhow::bail!("usage: wasm-bindgen INPUT.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(input)
        .web(true)?
        .typescript(false)
        // Every browser that can run the wasm has `TextEncoder.encodeInto`: no test for it, no fallback.
        .encode_into(EncodeInto::Always)
        .remove_producers_section(true)
        .remove_name_section(true)
        .out_name("doorward")
        .generate(folder)
}
