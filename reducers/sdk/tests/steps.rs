//! Whole steps, over the bytes of the envelope.

use aos_sdk::testing::{Asked, Cell};
use aos_sdk::{
    BlobPut, BlobPutResult, Context, Hash, Receipt, Step, TimerFired, TimerSet, TimerSetReceipt,
    Value, decode, encode, run,
};

#[derive(Debug, Default, PartialEq, Value)]
struct Counter {
    count: u64,
}

#[derive(Debug, PartialEq, Value)]
enum Event {
    Add(u64),
    Tell,
    Remind(u64),
    Twice,
    Fired(TimerFired),
    Stored(BlobPutResult),
    Where,
    When,
}

fn reduce(counter: &mut Counter, event: Event, step: &mut Step) {
    match event {
        Event::Add(n) => counter.count += n,
        Event::Tell => {
            step.raise("demo/Told@1", counter);
            step.raise("demo/Told@1", counter).key(&counter.count.to_be_bytes());
            step.raise("demo/Said@1", &counter.count).cell(&"alpha".to_owned());
        }
        Event::Remind(at) => {
            step.ask(&TimerSet::at(at)).slot("clock").idempotency_key(Hash::of(b"remind"));
        }
        Event::Twice => {
            step.ask(&BlobPut::of(b"a blob".to_vec()));
            step.ask(&TimerSet::at(1));
        }
        Event::Fired(fired) => counter.count = fired.receipt.delivered_at_ns,
        Event::Stored(stored) => counter.count += u64::from(stored.is_ok()),
        Event::Where => counter.count = step.key::<String>().len() as u64,
        Event::When => counter.count = step.context().logical_now_ns,
    }
}

fn cell() -> Cell<Counter, Event> {
    Cell::new(reduce)
}

/// As the host writes it: members in this order, the event's value with its tag.
fn envelope(state: &[u8], event: &[u8]) -> Vec<u8> {
    let event = [b"\xd9\xd9\xf7", event].concat();
    [
        b"\xa3\x67version\x01\x65state",
        state,
        b"\x65event\xa2\x66schema\x66demo/E\x65value",
        &encode(&event),
    ]
    .concat()
}

const ADD_5: &[u8] = b"\xa2\x64$tag\x63Add\x66$value\x05";
const NOTHING_ELSE: &[u8] = b"\x67effects\x80\x6ddomain_events\x80";

fn output(state: &[u8]) -> Vec<u8> {
    [b"\xa3\x65state", state, NOTHING_ELSE].concat()
}

#[test]
fn a_first_step_starts_from_the_default_state() {
    let given = run(&envelope(b"\xf6", ADD_5), reduce);
    assert_eq!(given, output(b"\x48\xa1\x65count\x05"));
}

#[test]
fn a_later_step_reads_the_state_that_was_returned() {
    let given = run(&envelope(b"\x48\xa1\x65count\x05", ADD_5), reduce);
    assert_eq!(given, output(b"\x48\xa1\x65count\x0a"));
}

#[test]
#[should_panic(expected = "this module reads version 1 of the envelope")]
fn another_version_is_refused() {
    let mut bytes = envelope(b"\xf6", ADD_5);
    bytes[9] = 2;
    run(&bytes, reduce);
}

#[test]
#[should_panic(expected = "state.count: a nat is expected, not a text")]
fn a_state_of_another_type_is_refused_by_its_path() {
    run(&envelope(b"\x49\xa1\x65count\x61x", ADD_5), reduce);
}

#[test]
fn events_keep_their_order_and_carry_a_key_only_if_given() {
    let mut cell = cell();
    cell.play(Event::Add(5));
    let played = cell.play(Event::Tell);
    let raised = [
        ("demo/Told@1", None),
        ("demo/Told@1", Some(&[0, 0, 0, 0, 0, 0, 0, 5][..])),
        ("demo/Said@1", Some(b"\xd9\xd9\xf7\x65alpha")),
    ];
    assert_eq!(played.raised(), raised);
    assert_eq!(
        played.events::<Counter>("demo/Told@1"),
        [Counter { count: 5 }, Counter { count: 5 }]
    );
    assert_eq!(played.events::<u64>("demo/Said@1"), [5]);
}

#[test]
fn an_effect_carries_slot_and_idempotency_key() {
    let asked = cell().play(Event::Remind(7)).effect::<TimerSet>();
    let idempotency_key = Some(Hash::of(b"remind"));
    let params = TimerSet { deliver_at_ns: 7, key: None };
    assert_eq!(asked, Some(Asked { params, slot: Some("clock".into()), idempotency_key }));
    assert_eq!(cell().play(Event::Add(1)).effect::<TimerSet>(), None);
}

#[test]
fn an_effect_has_the_members_that_the_host_reads() {
    let bytes = run(&envelope(b"\xf6", &encode(&Event::Remind(7))), reduce);
    let key = Hash::of(b"remind").0;
    let effect = [
        b"\x81\xa4\x64kind\x69timer.set\x68cap_slot\x65clock\x6bparams_cbor\x55",
        &b"\xa2\x63key\xf6\x6ddeliver_at_ns\x07"[..],
        b"\x6fidempotency_key\x58\x20",
        &key,
    ]
    .concat();
    assert!(bytes.windows(effect.len()).any(|window| window == effect), "{bytes:02x?}");
}

#[test]
#[should_panic(expected = "a step may ask for one effect at most")]
fn a_second_effect_is_a_fault() {
    cell().play(Event::Twice);
}

fn receipt<P, R>(requested: P, receipt: R) -> Receipt<P, R> {
    Receipt {
        intent_hash: Hash::of(b"intent"),
        reducer: "demo/Counter@1".into(),
        effect_kind: "timer.set".into(),
        adapter_id: "timer.set".into(),
        status: "ok".into(),
        requested,
        receipt,
        cost_cents: Some(0),
        signature: vec![0; 64],
    }
}

#[test]
fn a_receipt_is_a_typed_event() {
    let fired = receipt(TimerSet::at(7), TimerSetReceipt { delivered_at_ns: 9, key: None });
    assert!(fired.is_ok());
    let mut cell = cell();
    cell.play(Event::Fired(fired));
    assert_eq!(cell.state(), Counter { count: 9 });
}

#[test]
fn a_receipt_has_the_published_fields_in_their_order() {
    let fired = receipt((), ());
    let bytes = encode(&fired);
    let names = [
        "status",
        "receipt",
        "reducer",
        "requested",
        "signature",
        "adapter_id",
        "cost_cents",
        "effect_kind",
        "intent_hash",
    ];
    let places: Vec<usize> = names
        .map(|name| bytes.windows(name.len()).position(|at| at == name.as_bytes()).unwrap())
        .to_vec();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(decode::<Receipt<(), ()>>("receipt", &bytes), fired);
}

#[test]
fn a_keyed_reducer_reads_its_key() {
    let mut cell = cell().keyed(&"alpha".to_owned());
    cell.play(Event::Where);
    assert_eq!(cell.state(), Counter { count: 5 });
}

#[test]
#[should_panic(expected = "this event came without a key")]
fn a_reducer_that_is_not_keyed_has_no_key() {
    cell().play(Event::Where);
}

#[test]
fn a_declared_context_is_read() {
    let mut cell = cell();
    cell.set_context(Context { logical_now_ns: 11, ..Context::default() });
    cell.play(Event::When);
    assert_eq!(cell.state(), Counter { count: 11 });
}

#[test]
#[should_panic(expected = "no context: declare")]
fn without_declaration_there_is_no_context() {
    cell().play(Event::When);
}

fn toggle(note: &mut Option<Counter>, on: bool, _step: &mut Step) {
    *note = on.then(Counter::default);
}

#[test]
fn a_state_of_none_is_no_cell() {
    let mut cell = Cell::new(toggle);
    cell.play(true);
    assert_eq!(cell.state_bytes(), Some(&b"\xa1\x65count\x00"[..]));
    cell.play(false);
    assert_eq!(cell.state_bytes(), None);
    assert_eq!(run(&envelope(b"\xf6", b"\xf4"), toggle), output(b"\xf6"));
}
