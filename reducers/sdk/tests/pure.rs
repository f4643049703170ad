//! Pure modules and enforcers, over the bytes of their envelopes.

use aos_sdk::testing::{call, judge};
use aos_sdk::{
    Call, CapCheck, Deny, Origin, PureContext, Value, Verdict, encode, run_enforcer, run_pure,
};

fn double(n: u64, _call: &Call) -> u64 {
    2 * n
}

fn height(_: (), call: &Call) -> u64 {
    call.context().journal_height
}

#[derive(Value)]
struct Grant {
    max_bytes: u64,
}

fn check(request: &CapCheck) -> Verdict {
    let Grant { max_bytes } = request.grant();
    match request.params::<Vec<u8>>().len() as u64 {
        len if len <= max_bytes => Ok(()),
        len => Err(Deny::new("too_large", format!("{len} bytes"))),
    }
}

fn request(bytes: usize) -> CapCheck {
    CapCheck {
        cap_def: "demo/store@1".into(),
        grant_name: "store".into(),
        cap_params: encode(&Grant { max_bytes: 3 }),
        effect_kind: "demo.store".into(),
        effect_params: encode(&vec![0u8; bytes]),
        origin: Origin { kind: "plan".into(), name: "demo/plan@1".into() },
        logical_now_ns: 0,
    }
}

#[test]
fn a_pure_module_reads_its_input_and_gives_its_output() {
    let envelope = b"\xa2\x67version\x01\x65input\x44\xd9\xd9\xf7\x15";
    assert_eq!(run_pure(envelope, double), b"\xa1\x66output\x42\x18\x2a");
}

#[test]
#[should_panic(expected = "input: a nat is expected, not null")]
fn another_input_is_refused() {
    run_pure(b"\xa2\x67version\x01\x65input\x41\xf6", double);
}

#[test]
#[should_panic(expected = "this module reads version 1 of the envelope")]
fn another_version_is_refused() {
    run_pure(b"\xa2\x67version\x02\x65input\x41\x00", double);
}

#[test]
fn a_declared_context_is_read() {
    let context = PureContext { journal_height: 17, ..PureContext::default() };
    assert_eq!(call(height, &(), Some(&context)), 17);
}

#[test]
#[should_panic(expected = "no context: declare")]
fn without_declaration_there_is_no_context() {
    call(height, &(), None);
}

#[test]
fn an_enforcer_allows_or_says_why_not() {
    assert_eq!(judge(check, &request(3)), Ok(()));
    assert_eq!(judge(check, &request(4)), Err(Deny::new("too_large", "4 bytes")));
}

#[test]
fn a_verdict_has_the_published_form() {
    #[derive(Value)]
    struct Envelope {
        version: u64,
        input: Vec<u8>,
    }
    let allowed = Envelope { version: 1, input: encode(&request(0)) };
    let output = b"\xa2\x64deny\xf6\x6econstraints_ok\xf5";
    let expected = [&b"\xa1\x66output\x57"[..], output].concat();
    assert_eq!(run_enforcer(&encode(&allowed), check), expected);
}
