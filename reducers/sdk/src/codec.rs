//! CBOR of the values that a reducer reads and writes.

use core::fmt;

use minicbor_serde::{Deserializer, Serializer};
use serde::{Serialize, de::DeserializeOwned};

/// The self-describe tag, which the host puts once in front of canonical bytes.
const SELF_DESCRIBE: [u8; 3] = [0xd9, 0xd9, 0xf7];

/// What could not be read or written, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(what: &str, cause: impl fmt::Display) -> Self {
        Error(format!("{what}: {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Reads one value, with or without the self-describe tag in front of it.
pub fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    let body = bytes.strip_prefix(&SELF_DESCRIBE).unwrap_or(bytes);
    let mut deserializer = Deserializer::new(body);
    let value = T::deserialize(&mut deserializer).map_err(|e| Error::new(what, e))?;
    if deserializer.decoder().position() != body.len() {
        return Err(Error::new(what, "bytes follow the value"));
    }
    Ok(value)
}

/// Writes one value: shortest integers, records in the order of their declaration, no tag.
pub fn encode<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::new(&mut bytes);
    serializer.serialize_unit_as_null(true);
    value
        .serialize(&mut serializer)
        .map_err(|e| Error::new(what, e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "$tag", content = "$value")]
    enum Command {
        Start { target: u64 },
        Tick,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        note: Option<String>,
        by_id: BTreeMap<u64, i64>,
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    fn command(text: &str) -> Command {
        decode("command", &hex(text)).unwrap()
    }

    const START_3: &str = "a26424746167655374617274662476616c7565a16674617267657403";
    const TICK: &str = "a16424746167645469636b";

    #[test]
    fn a_variant_is_a_tag_and_a_value() {
        let start = Command::Start { target: 3 };
        assert_eq!(encode("command", &start).unwrap(), hex(START_3));
        assert_eq!(command(START_3), start);
    }

    #[test]
    fn a_tag_without_payload_is_written_alone() {
        assert_eq!(encode("command", &Command::Tick).unwrap(), hex(TICK));
    }

    #[test]
    fn a_tag_without_payload_reads_with_absent_and_with_null_value() {
        assert_eq!(command(TICK), Command::Tick);
        assert_eq!(
            command("a26424746167645469636b662476616c7565f6"),
            Command::Tick
        );
    }

    #[test]
    fn the_self_describe_tag_is_skipped() {
        assert_eq!(command(&format!("d9d9f7{TICK}")), Command::Tick);
    }

    #[test]
    fn a_value_may_come_before_its_tag() {
        let swapped = "a2662476616c7565a166746172676574036424746167655374617274";
        assert_eq!(command(swapped), Command::Start { target: 3 });
    }

    #[test]
    fn records_keep_every_field_and_maps_are_sorted_by_key() {
        let record = Record {
            note: None,
            by_id: BTreeMap::from([(300, -1), (2, 5)]),
        };
        let bytes = hex("a2646e6f7465f66562795f6964a2020519012c20");
        assert_eq!(encode("record", &record).unwrap(), bytes);
        assert_eq!(decode::<Record>("record", &bytes).unwrap(), record);
    }

    #[test]
    fn the_empty_value_is_null() {
        assert_eq!(encode("unit", &()).unwrap(), hex("f6"));
    }

    #[test]
    fn trailing_bytes_and_unknown_tags_are_errors() {
        let trailing = decode::<Command>("command", &hex(&format!("{TICK}00"))).unwrap_err();
        assert_eq!(trailing.to_string(), "command: bytes follow the value");
        assert!(decode::<Command>("command", &hex("a16424746167645469636c")).is_err());
    }
}
