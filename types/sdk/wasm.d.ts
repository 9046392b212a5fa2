// Types of the module that xtask/src/inline.rs generates in target/sdk/. `cargo xtask check` copies this file there.

/** Returns the bytes of the wasm. Throws if the file was read in a wrong encoding. */
export default function wasm(): Uint8Array<ArrayBuffer>;
