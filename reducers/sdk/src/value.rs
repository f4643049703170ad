//! The types of AIR as Rust's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::cbor::{Reader, SELF_DESCRIBE, Writer};

/// A value with an AIR type: derive it for records (structs), variants (enums) and newtypes.
///
/// | AIR | Rust |
/// |---|---|
/// | bool, text, unit | `bool`, `String`, `()` |
/// | nat, time | `u64` |
/// | int, duration | `i64` |
/// | bytes | `Vec<u8>` |
/// | hash | [`Hash`](crate::Hash) |
/// | dec128, uuid | `String` |
/// | option, list | `Option<T>`, `Vec<T>` |
/// | set, map | `BTreeSet<T>`, `BTreeMap<K, V>` |
///
/// A field or tag has in AIR the name that it has in Rust, unless `#[name = "other"]` stands before
/// it. Written bytes are canonical: equal values have equal bytes.
///
/// What AIR does not have does not compile, tuples among it:
///
/// ```compile_fail
/// #[derive(aos_sdk::Value)]
/// struct Pair(u64, u64);
/// ```
pub trait Value: Sized {
    fn write(&self, out: &mut Writer);

    fn read(input: &mut Reader<'_>) -> Self;

    /// What stands for a field that is not there.
    #[doc(hidden)]
    fn absent() -> Option<Self> {
        None
    }

    /// Whether `Ord` orders the values as their encodings are ordered.
    #[doc(hidden)]
    const SORTS_AS_ENCODED: bool = false;

    #[doc(hidden)]
    fn write_list(items: &[Self], out: &mut Writer) {
        out.list(items.len());
        items.iter().for_each(|item| item.write(out));
    }

    #[doc(hidden)]
    fn read_list(input: &mut Reader<'_>) -> Vec<Self> {
        let len = input.list();
        let mut items = Vec::new();
        for index in 0..len {
            items.push(input.member(index));
        }
        items
    }
}

/// The canonical bytes of a value, without the self-describe tag: what a reducer returns.
pub fn encode<T: Value>(value: &T) -> Vec<u8> {
    let mut out = Writer::default();
    value.write(&mut out);
    out.into_bytes()
}

/// The canonical bytes of a value, with the self-describe tag in front: what is hashed, and what
/// the key of a cell is.
pub fn canonical<T: Value>(value: &T) -> Vec<u8> {
    let mut out = Writer::default();
    out.encoded(&SELF_DESCRIBE);
    value.write(&mut out);
    out.into_bytes()
}

/// Reads one value, with or without the self-describe tag in front of it.
///
/// # Panics
/// If the bytes are not such a value; the text begins with `what` they are.
pub fn decode<T: Value>(what: &'static str, bytes: &[u8]) -> T {
    let mut input = Reader::new(what, bytes);
    let value = T::read(&mut input);
    input.end();
    value
}

/// Keys, each with the value that belongs to it, in canonical order.
fn write_sorted(mut members: Vec<[Vec<u8>; 2]>, out: &mut Writer) {
    members.sort_unstable();
    members.iter().flatten().for_each(|part| out.encoded(part));
}

impl Value for u64 {
    const SORTS_AS_ENCODED: bool = true;

    fn write(&self, out: &mut Writer) {
        out.nat(*self);
    }

    fn read(input: &mut Reader<'_>) -> Self {
        input.nat()
    }
}

impl Value for i64 {
    fn write(&self, out: &mut Writer) {
        out.int(*self);
    }

    fn read(input: &mut Reader<'_>) -> Self {
        input.int()
    }
}

/// A list of these is AIR's `bytes`; AIR has no number of eight bits.
impl Value for u8 {
    fn write(&self, out: &mut Writer) {
        out.nat(u64::from(*self));
    }

    fn read(input: &mut Reader<'_>) -> Self {
        u8::try_from(input.nat()).unwrap_or_else(|_| input.fail("a number up to 255 is expected"))
    }

    fn write_list(items: &[Self], out: &mut Writer) {
        out.bytes(items);
    }

    fn read_list(input: &mut Reader<'_>) -> Vec<Self> {
        input.bytes().to_vec()
    }
}

impl Value for bool {
    fn write(&self, out: &mut Writer) {
        out.bool(*self);
    }

    fn read(input: &mut Reader<'_>) -> Self {
        input.bool()
    }
}

impl Value for String {
    fn write(&self, out: &mut Writer) {
        out.text(self);
    }

    fn read(input: &mut Reader<'_>) -> Self {
        input.text().into()
    }
}

impl Value for () {
    fn write(&self, out: &mut Writer) {
        out.null();
    }

    fn read(input: &mut Reader<'_>) -> Self {
        input.skip()
    }

    fn absent() -> Option<Self> {
        Some(())
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, out: &mut Writer) {
        match self {
            Some(value) => value.write(out),
            None => out.null(),
        }
    }

    fn read(input: &mut Reader<'_>) -> Self {
        match input.null() {
            true => None,
            false => Some(T::read(input)),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, out: &mut Writer) {
        T::write_list(self, out);
    }

    fn read(input: &mut Reader<'_>) -> Self {
        T::read_list(input)
    }
}

impl<T: Value + Ord> Value for BTreeSet<T> {
    fn write(&self, out: &mut Writer) {
        out.list(self.len());
        if T::SORTS_AS_ENCODED {
            self.iter().for_each(|item| item.write(out));
        } else {
            let items = self.iter().map(|item| [encode(item), Vec::new()]);
            write_sorted(items.collect(), out);
        }
    }

    fn read(input: &mut Reader<'_>) -> Self {
        let mut set = BTreeSet::new();
        for index in 0..input.list() {
            set.insert(input.member(index));
        }
        set
    }
}

impl<K: Value + Ord, V: Value> Value for BTreeMap<K, V> {
    fn write(&self, out: &mut Writer) {
        out.map(self.len());
        if K::SORTS_AS_ENCODED {
            for (key, value) in self {
                key.write(out);
                value.write(out);
            }
        } else {
            let members = self.iter().map(|(key, value)| [encode(key), encode(value)]);
            write_sorted(members.collect(), out);
        }
    }

    fn read(input: &mut Reader<'_>) -> Self {
        let mut map = BTreeMap::new();
        for index in 0..input.map() {
            let key = input.member(index);
            map.insert(key, input.member(index));
        }
        map
    }
}
