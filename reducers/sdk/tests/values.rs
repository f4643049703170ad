//! The forms of AIR's types in CBOR.

use std::collections::{BTreeMap, BTreeSet};

use aos_sdk::{Hash, Value, canonical, decode, encode};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[track_caller]
fn both_ways<T: Value + PartialEq + std::fmt::Debug>(value: T, bytes: &str) {
    assert_eq!(encode(&value), hex(bytes));
    assert_eq!(decode::<T>("value", &hex(bytes)), value);
}

/// The text of the panic with which `bytes` are refused as a `T`.
fn refused<T: Value>(bytes: &str) -> String {
    let bytes = hex(bytes);
    let result = std::panic::catch_unwind(|| drop(decode::<T>("value", &bytes)));
    *result.expect_err("it should be refused").downcast::<String>().unwrap()
}

#[derive(Debug, PartialEq, Value)]
enum Command {
    Start {
        target: u64,
        at: Option<u64>,
    },
    Note(String),
    Perhaps(Option<u64>),
    Tick,
    #[name = "secret"]
    Secret(NoteId),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Value)]
struct NoteId(String);

#[derive(Debug, PartialEq, Value)]
struct Record<T> {
    note: Option<T>,
    #[name = "b"]
    by_id: BTreeMap<u64, Vec<i64>>,
    r#type: bool,
}

const START: &str = "a26424746167655374617274662476616c7565a2626174f66674617267657403";
const TICK: &str = "a16424746167645469636b";

#[test]
fn integers_are_shortest() {
    let nats = [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65536, "1a00010000"),
        (1 << 32, "1b0000000100000000"),
        (u64::MAX, "1bffffffffffffffff"),
    ];
    for (value, bytes) in nats {
        both_ways(value, bytes);
    }
    let ints = [(0i64, "00"), (-1, "20"), (-25, "3818"), (i64::MAX, "1b7fffffffffffffff")];
    for (value, bytes) in ints {
        both_ways(value, bytes);
    }
    both_ways(i64::MIN, "3b7fffffffffffffff");
}

#[test]
fn simple_values() {
    both_ways(true, "f5");
    both_ways(false, "f4");
    both_ways((), "f6");
    both_ways("ü".to_owned(), "62c3bc");
    both_ways(vec![1u8, 2], "420102");
    both_ways(Vec::<u8>::new(), "40");
    both_ways(vec![1u64, 2], "820102");
    both_ways(NoteId("n".into()), "616e");
    both_ways(None::<u64>, "f6");
    both_ways(Some(7u64), "07");
}

#[test]
fn a_hash_is_a_text() {
    let text = format!("sha256:{}", "0".repeat(64));
    assert_eq!(encode(&Hash([0; 32])), encode(&text));
    assert!(refused::<Hash>("6161").ends_with("sha256: and 64 digits are expected"));
}

#[test]
fn a_record_is_written_in_canonical_order_with_every_field() {
    let by_id = BTreeMap::from([(300, vec![-1]), (2, vec![])]);
    let record = Record { note: None::<String>, by_id, r#type: true };
    both_ways(record, "a36162a2028019012c8120646e6f7465f66474797065f5");
}

#[test]
fn a_record_reads_in_any_order_and_an_absent_option_is_none() {
    let by_id = BTreeMap::from([(1, vec![])]);
    let expected = Record { note: Some(5u64), by_id, r#type: false };
    let declared = decode("value", &hex("a3646e6f7465056162a101806474797065f4"));
    assert_eq!(expected, declared);
    let without: Record<u64> = decode("value", &hex("a26474797065f46162a10180"));
    assert_eq!(without, Record { note: None, ..expected });
}

#[test]
fn a_variant_is_a_tag_and_a_value() {
    both_ways(Command::Start { target: 3, at: None }, START);
    both_ways(Command::Note("x".into()), "a26424746167644e6f7465662476616c75656178");
    both_ways(Command::Secret(NoteId("x".into())), "a2642474616766736563726574662476616c75656178");
}

#[test]
fn a_tag_without_payload_is_written_alone_and_reads_with_a_null_value() {
    both_ways(Command::Tick, TICK);
    assert_eq!(
        decode::<Command>("", &hex("a26424746167645469636b662476616c7565f6")),
        Command::Tick
    );
}

#[test]
fn a_tag_of_option_type_reads_without_value() {
    let bytes = "a164247461676750657268617073";
    assert_eq!(decode::<Command>("", &hex(bytes)), Command::Perhaps(None));
}

#[test]
fn a_value_may_come_before_its_tag() {
    let swapped = "a2662476616c7565a2626174f666746172676574036424746167655374617274";
    let pair = format!("82{swapped}{TICK}");
    let start = Command::Start { target: 3, at: None };
    assert_eq!(decode::<Vec<Command>>("", &hex(&pair)), [start, Command::Tick]);
}

#[test]
fn maps_and_sets_are_sorted_by_encoded_key() {
    let texts = ["b", "aa", ""].map(String::from);
    both_ways(BTreeSet::from(texts.clone()), "83606162626161");
    both_ways(BTreeMap::from(texts.map(|text| (text, 1u64))), "a3600161620162616101");
    both_ways(BTreeSet::from([-1i64, 0, 100, -300]), "840018642039012b");
    both_ways(BTreeSet::from([1u64, 24, 256]), "83011818190100");
    both_ways(BTreeMap::from([(-1i64, ()), (1, ())]), "a201f620f6");
}

#[test]
fn a_set_reads_in_any_order_and_equal_values_have_equal_bytes() {
    let set: BTreeSet<u64> = decode("set", &hex("8403010103"));
    assert_eq!(encode(&set), hex("820103"));
}

#[test]
fn the_self_describe_tag_is_passed_over_and_written_on_demand() {
    assert_eq!(decode::<Command>("", &hex(&format!("d9d9f7{TICK}"))), Command::Tick);
    assert_eq!(canonical(&"alpha".to_owned()), hex("d9d9f765616c706861"));
}

#[test]
fn what_does_not_fit_is_refused_with_its_path() {
    let refusals = [
        (refused::<u64>("20"), "value: a nat is expected, not a negative int"),
        (refused::<u64>("f6"), "value: a nat is expected, not null"),
        (refused::<u64>(""), "value: a nat is expected, not the end"),
        (refused::<u64>("19ff"), "value: the bytes end too soon"),
        (refused::<u64>("0000"), "value: bytes follow the value"),
        (refused::<i64>("1bffffffffffffffff"), "value: an int of 64 bits is expected"),
        (refused::<u64>("f97e00"), "value: a nat is expected, not a number that AIR does not have"),
        (refused::<String>("61ff"), "value: a text is not UTF-8"),
        (refused::<String>("7fff"), "value: a definite length is expected"),
        (refused::<Vec<u8>>("5bffffffffffffffff"), "value: the bytes end too soon"),
        (refused::<Vec<u64>>("82006178"), "value.#1: a nat is expected, not a text"),
        (refused::<Vec<u64>>("9bffffffffffffffff"), "value.#0: a nat is expected, not the end"),
        (
            refused::<BTreeSet<u64>>("9bffffffffffffffff"),
            "value.#0: a nat is expected, not the end",
        ),
        (
            refused::<Record<u64>>("a26162a10181f66474797065f4"),
            "value.b.#0.#0: an int is expected, not null",
        ),
        (refused::<Record<u64>>("a16162a0"), "value: type is missing"),
        (
            refused::<Record<u64>>("a46162a0646e6f7465f66474797065f4617800"),
            "value: the record has a field that is not known, or one twice",
        ),
        (
            refused::<Command>("a26424746167655374617274662476616c7565a16674617267657420"),
            "value.Start.target: a nat is expected, not a negative int",
        ),
        (refused::<Command>("a0"), "value: a variant has no $tag"),
        (refused::<Command>("a164247461676454696363"), "value: there is no tag Ticc"),
        (refused::<Command>("a16424746167644e6f7465"), "value: Note has no $value"),
        (refused::<Command>("a16424746167655374617274"), "value.Start: there is no $value"),
    ];
    for (text, expected) in refusals {
        assert_eq!(text, expected);
    }
}

#[test]
fn deep_nesting_is_refused_where_it_is_passed_over() {
    let deep = format!("{}00", "81".repeat(500));
    assert_eq!(refused::<()>(&deep), "value: a value is nested too deep");
}
