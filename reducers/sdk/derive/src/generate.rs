//! Writes the implementation of `Value`, as text: there is nothing in it to point an error at.

use std::fmt::Write;

use crate::parse::{Body, Item, Named, Payload, Tag};

pub fn value(item: &Item) -> String {
    let (write, read) = match &item.body {
        Body::Record(fields) => (write_record(fields, "&self."), read_record("Self", fields)),
        Body::Newtype => (
            "::aos_sdk::Value::write(&self.0, __out);".into(),
            "Self(::aos_sdk::Value::read(input))".into(),
        ),
        Body::Variant(tags) => (write_variant(tags), read_variant(tags)),
    };
    let name = &item.name;
    let arguments = item.generics.join(", ");
    let bounded = item.generics.join(": ::aos_sdk::Value, ");
    let parameters = match bounded.is_empty() {
        true => bounded,
        false => format!("{bounded}: ::aos_sdk::Value"),
    };
    format!(
        "#[automatically_derived]
        impl<{parameters}> ::aos_sdk::Value for {name}<{arguments}> {{
            #[inline(never)]
            fn write(&self, __out: &mut ::aos_sdk::cbor::Writer) {{ {write} }}
            #[inline(never)]
            fn read(input: &mut ::aos_sdk::cbor::Reader<'_>) -> Self {{ {read} }}
        }}"
    )
}

/// Statements; `place` stands before the name of each field.
fn write_record(fields: &[Named], place: &str) -> String {
    let mut code = format!("__out.map({});", fields.len());
    for Named { rust, air } in fields {
        let _ = write!(code, "__out.field({air:?}, {place}{rust});");
    }
    code
}

/// An expression of type `kind`.
fn read_record(kind: &str, fields: &[Named]) -> String {
    let mut code = "{ let mut fields = input.fields();".to_owned();
    let _ = write!(code, "let value = {kind} {{");
    for Named { rust, air } in fields {
        let _ = write!(code, "{rust}: fields.read(input, {air:?}),");
    }
    code + "}; fields.end(input); value }"
}

fn write_variant(tags: &[Tag]) -> String {
    let mut arms = String::new();
    for Tag { name, payload } in tags {
        let Named { rust, air } = name;
        let _ = match payload {
            Payload::None => write!(arms, "Self::{rust} => __out.tag({air:?}, false),"),
            Payload::Value => write!(
                arms,
                "Self::{rust}(value) => {{
                    __out.tag({air:?}, true);
                    ::aos_sdk::Value::write(value, __out);
                }}"
            ),
            Payload::Record(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.rust.as_str()).collect();
                let names = names.join(", ");
                let write = write_record(fields, "");
                write!(
                    arms,
                    "Self::{rust} {{ {names} }} => {{ __out.tag({air:?}, true); {write} }}"
                )
            }
        };
    }
    format!("match self {{ {arms} }}")
}

fn read_variant(tags: &[Tag]) -> String {
    let mut arms = String::new();
    for Tag { name, payload } in tags {
        let Named { rust, air } = name;
        let _ = match payload {
            Payload::None => write!(arms, "{air:?} => Self::{rust},"),
            Payload::Value => {
                write!(arms, "{air:?} => Self::{rust}(variant.value(input, {air:?})),")
            }
            Payload::Record(fields) => {
                let read = read_record(&format!("Self::{rust}"), fields);
                write!(
                    arms,
                    "{air:?} => {{
                        variant.enter(input, {air:?});
                        let value = {read};
                        input.leave();
                        value
                    }}"
                )
            }
        };
    }
    format!(
        "let mut variant = input.variant();
        let value = match variant.tag {{
            {arms}
            _ => variant.unknown(input),
        }};
        variant.end(input);
        value"
    )
}
