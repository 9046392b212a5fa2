//! The browser SDK of doorward, compiled to WebAssembly.
