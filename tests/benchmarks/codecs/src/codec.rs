#[cfg(feature = "serde")]
pub use serde::Serialize as Encode;

#[cfg(feature = "serde-minicbor")]
mod chosen {
    pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
        minicbor_serde::from_slice(bytes).expect("a value")
    }

    pub fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
        minicbor_serde::to_vec(value).expect("a value")
    }
}

#[cfg(feature = "serde-ciborium")]
mod chosen {
    pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
        ciborium::from_reader(bytes).expect("a value")
    }

    pub fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).expect("a value");
        bytes
    }
}

#[cfg(feature = "serde-cbor4ii")]
mod chosen {
    pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
        cbor4ii::serde::from_slice(bytes).expect("a value")
    }

    pub fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
        cbor4ii::serde::to_vec(Vec::new(), value).expect("a value")
    }
}

/// Fields and tags by number, not by name as AIR has them: it builds, but reads no event.
#[cfg(feature = "minicbor-derive")]
mod chosen {
    pub trait Encode: minicbor::Encode<()> {}

    impl<T: minicbor::Encode<()>> Encode for T {}

    pub fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> T {
        minicbor::decode(bytes).expect("a value")
    }

    pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
        minicbor::to_vec(value).expect("a value")
    }
}

#[cfg(feature = "minicbor-derive")]
pub use chosen::Encode;
pub use chosen::{decode, encode};
