//! The envelope: what the host passes to one step and what it gets back.

use core::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::codec::{self, Error};

const VERSION: u64 = 1;

/// An event raised by a reducer; the host normalises and routes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEvent {
    pub schema: &'static str,
    /// CBOR of the value, without self-describe tag.
    pub value: Vec<u8>,
    pub key: Option<Vec<u8>>,
}

/// What a step gives out besides its new state.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Output {
    pub events: Vec<DomainEvent>,
}

impl Output {
    /// Raises an event of the named schema.
    ///
    /// # Panics
    /// If the value cannot be encoded, which faults the turn.
    pub fn raise<T: Serialize>(&mut self, schema: &'static str, value: &T) {
        self.push(schema, value, None);
    }

    /// Raises an event with key bytes of the reducer's own choice.
    ///
    /// # Panics
    /// If the value cannot be encoded, which faults the turn.
    pub fn raise_keyed<T: Serialize>(&mut self, schema: &'static str, value: &T, key: &[u8]) {
        self.push(schema, value, Some(key.to_vec()));
    }

    fn push<T: Serialize>(&mut self, schema: &'static str, value: &T, key: Option<Vec<u8>>) {
        let value = codec::encode(schema, value).expect("a raised event must encode");
        self.events.push(DomainEvent { schema, value, key });
    }
}

/// The part of the input that a step reads; its event's key and its context are skipped.
#[derive(Debug, Default, PartialEq)]
struct Input<'b> {
    version: Option<u64>,
    state: Option<&'b [u8]>,
    event: Option<&'b [u8]>,
}

/// Runs one step: reads the envelope, calls `reduce`, writes the answer.
///
/// No state yet means `S::default()`. Errors name the part of the envelope that did not fit.
pub fn run<S, E>(input: &[u8], reduce: fn(&mut S, E, &mut Output)) -> Result<Vec<u8>, Error>
where
    S: Default + Serialize + DeserializeOwned,
    E: DeserializeOwned,
{
    let input = read_input(input).map_err(|e| Error::new("envelope", e))?;
    if input.version != Some(VERSION) {
        return Err(Error::new("envelope", "version 1 expected"));
    }
    let event = input
        .event
        .ok_or_else(|| Error::new("envelope", "no event value"))?;
    let mut state = match input.state {
        Some(bytes) => codec::decode("state", bytes)?,
        None => S::default(),
    };
    let mut output = Output::default();
    reduce(&mut state, codec::decode("event", event)?, &mut output);
    let state = codec::encode("state", &state)?;
    write_output(&state, &output.events).map_err(|e| Error::new("output", e))
}

fn read_input(bytes: &[u8]) -> Result<Input<'_>, decode::Error> {
    let mut decoder = Decoder::new(bytes);
    let mut input = Input::default();
    each_member(&mut decoder, |name, decoder| {
        match name {
            "version" => input.version = Some(decoder.u64()?),
            "state" => input.state = bytes_or_null(decoder)?,
            "event" => input.event = read_event_value(decoder)?,
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    Ok(input)
}

fn read_event_value<'b>(decoder: &mut Decoder<'b>) -> Result<Option<&'b [u8]>, decode::Error> {
    let mut value = None;
    each_member(decoder, |name, decoder| {
        match name {
            "value" => value = Some(decoder.bytes()?),
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    Ok(value)
}

fn each_member<'b>(
    decoder: &mut Decoder<'b>,
    mut member: impl FnMut(&'b str, &mut Decoder<'b>) -> Result<(), decode::Error>,
) -> Result<(), decode::Error> {
    let len = decoder
        .map()?
        .ok_or_else(|| decode::Error::message("map of definite length expected"))?;
    for _ in 0..len {
        let name = decoder.str()?;
        member(name, decoder)?;
    }
    Ok(())
}

fn bytes_or_null<'b>(decoder: &mut Decoder<'b>) -> Result<Option<&'b [u8]>, decode::Error> {
    if decoder.datatype()? == Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    decoder.bytes().map(Some)
}

fn write_output(
    state: &[u8],
    events: &[DomainEvent],
) -> Result<Vec<u8>, encode::Error<Infallible>> {
    let mut out = Encoder::new(Vec::new());
    out.map(2)?.str("state")?.bytes(state)?;
    out.str("domain_events")?.array(events.len() as u64)?;
    for event in events {
        out.map(2 + u64::from(event.key.is_some()))?;
        out.str("schema")?.str(event.schema)?;
        out.str("value")?.bytes(&event.value)?;
        if let Some(key) = &event.key {
            out.str("key")?.bytes(key)?;
        }
    }
    Ok(out.into_writer())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Counter {
        count: u64,
    }

    #[derive(Deserialize)]
    #[serde(tag = "$tag", content = "$value")]
    enum Event {
        Add(u64),
        Tell,
    }

    fn reduce(state: &mut Counter, event: Event, out: &mut Output) {
        match event {
            Event::Add(n) => state.count += n,
            Event::Tell => {
                out.raise("demo/Told@1", state);
                out.raise_keyed("demo/Told@1", state, &state.count.to_be_bytes());
            }
        }
    }

    /// An envelope as the host writes it: the event's value starts with the self-describe tag.
    fn envelope(version: u64, state: Option<&[u8]>, event: &[u8]) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        out.map(4)
            .unwrap()
            .str("version")
            .unwrap()
            .u64(version)
            .unwrap();
        out.str("state").unwrap();
        match state {
            Some(bytes) => out.bytes(bytes).unwrap(),
            None => out.null().unwrap(),
        };
        let value = [&[0xd9, 0xd9, 0xf7], event].concat();
        out.str("event").unwrap().map(3).unwrap();
        out.str("schema")
            .unwrap()
            .str("demo/CounterEvent@1")
            .unwrap();
        out.str("value").unwrap().bytes(&value).unwrap();
        out.str("key").unwrap().bytes(b"k").unwrap();
        out.str("ctx").unwrap().bytes(&[0xa0]).unwrap();
        out.into_writer()
    }

    const ADD_5: &[u8] = b"\xa2\x64$tag\x63Add\x66$value\x05";
    const TELL: &[u8] = b"\xa1\x64$tag\x64Tell";
    const COUNT_5: &[u8] = b"\xa1\x65count\x05";
    const COUNT_10: &[u8] = b"\xa1\x65count\x0a";

    fn answer(state: &[u8], events: &[u8]) -> Vec<u8> {
        let head = [0x40 + state.len() as u8];
        [
            b"\xa2\x65state",
            &head[..],
            state,
            b"\x6ddomain_events",
            events,
        ]
        .concat()
    }

    #[test]
    fn a_first_step_starts_from_the_default_state() {
        let out = run(&envelope(1, None, ADD_5), reduce).unwrap();
        assert_eq!(out, answer(COUNT_5, b"\x80"));
    }

    #[test]
    fn a_later_step_reads_the_state_it_returned() {
        let out = run(&envelope(1, Some(COUNT_5), ADD_5), reduce).unwrap();
        assert_eq!(out, answer(COUNT_10, b"\x80"));
    }

    #[test]
    fn events_carry_schema_value_and_only_a_given_key() {
        let out = run(&envelope(1, Some(COUNT_5), TELL), reduce).unwrap();
        let told = b"\x66schema\x6bdemo/Told@1\x65value\x48\xa1\x65count\x05";
        let key = b"\x63key\x48\0\0\0\0\0\0\0\x05";
        let events = [b"\x82\xa2", &told[..], b"\xa3", &told[..], &key[..]].concat();
        assert_eq!(out, answer(COUNT_5, &events));
    }

    #[test]
    fn the_published_envelope_without_key_and_context_reads() {
        let bytes = b"\xa3\x67version\x01\x65state\xf6\x65event\xa2\x66schema\x73demo/CounterEvent@1\x65value\x4e\xd9\xd9\xf7\xa1\x64$tag\x64Tick";
        let input = read_input(bytes).unwrap();
        assert_eq!(input.version, Some(1));
        assert_eq!(input.state, None);
        assert_eq!(input.event, Some(&b"\xd9\xd9\xf7\xa1\x64$tag\x64Tick"[..]));
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_part() {
        let text = |input: &[u8]| run(input, reduce).unwrap_err().to_string();
        assert!(text(b"\xff").starts_with("envelope: "));
        assert_eq!(
            text(&envelope(2, None, TELL)),
            "envelope: version 1 expected"
        );
        assert_eq!(text(b"\xa1\x67version\x01"), "envelope: no event value");
        assert!(text(&envelope(1, Some(b"\x01"), TELL)).starts_with("state: "));
        assert!(text(&envelope(1, None, b"\xa1\x64$tag\x64Nope")).starts_with("event: "));
    }
}
