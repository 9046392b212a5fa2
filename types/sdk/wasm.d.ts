// The module that xtask/src/inline.rs makes in target/sdk/. `cargo xtask check` copies this file there.

/** The bytes of the wasm. Throws when the encoding of the file was misread. */
export default function wasm(): Uint8Array<ArrayBuffer>;
