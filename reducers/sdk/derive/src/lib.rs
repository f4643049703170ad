//! `#[derive(Value)]`: records, variants and newtypes of AIR from Rust's structs and enums.
//!
//! The few forms that AIR has are read from the tokens directly. With `syn` and `quote` a first
//! build would take three times as long, for nothing that a reducer uses.

mod generate;
mod parse;

use proc_macro::TokenStream;

/// Derives `aos_sdk::Value`.
///
/// - `struct Name { field: T, .. }` is a record;
/// - `struct Name(T)` is written as `T` is;
/// - `enum Name { Tag, Tag(T), Tag { field: T, .. } }` is a variant.
///
/// A field or tag has in AIR the name that it has in Rust, unless `#[name = "other"]` stands
/// before it.
#[proc_macro_derive(Value, attributes(name))]
pub fn derive_value(item: TokenStream) -> TokenStream {
    match parse::item(item) {
        Ok(item) => generate::value(&item).parse().expect("the generated code is Rust"),
        Err(error) => error.into_compile_error(),
    }
}
