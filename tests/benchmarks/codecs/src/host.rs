//! The envelope and the exports, the same for every codec but the SDK's own.

use core::convert::Infallible;

use minicbor::{Decoder, Encoder, data::Type};

use crate::{codec, reducer};

#[derive(Default)]
pub struct Step(Vec<Raised>);

pub struct Raised {
    schema: &'static str,
    value: Vec<u8>,
    key: Vec<u8>,
}

impl Step {
    pub fn raise<T: codec::Encode>(&mut self, schema: &'static str, value: &T) -> &mut Raised {
        let value = codec::encode(value);
        self.0.push(Raised { schema, value, key: Vec::new() });
        self.0.last_mut().expect("it was pushed")
    }
}

impl Raised {
    pub fn key(&mut self, key: &[u8]) {
        self.key = key.to_vec();
    }
}

#[repr(C)]
pub struct Slice(u32, u32);

#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: i32) -> i32 {
    vec![0u64; (len as usize).div_ceil(8)].leak().as_mut_ptr() as i32
}

/// # Safety
/// `ptr` and `len` must describe initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn step(ptr: i32, len: i32) -> Slice {
    let input = unsafe { core::slice::from_raw_parts(ptr as *const u8, len as usize) };
    let (state, event) = read(input).expect("an envelope");
    let mut state = state.map_or_else(Default::default, codec::decode);
    let mut step = Step::default();
    reducer::reduce(&mut state, codec::decode(event), &mut step);
    let output = write(&codec::encode(&state), &step.0).expect("an output").leak();
    Slice(output.as_ptr() as u32, output.len() as u32)
}

type Parts<'b> = (Option<&'b [u8]>, &'b [u8]);

fn read(bytes: &[u8]) -> Result<Parts<'_>, minicbor::decode::Error> {
    let mut input = Decoder::new(bytes);
    let (mut state, mut event) = (None, &[][..]);
    for _ in 0..input.map()?.unwrap_or(0) {
        match input.str()? {
            "state" if input.datatype()? == Type::Bytes => state = Some(input.bytes()?),
            "event" => {
                for _ in 0..input.map()?.unwrap_or(0) {
                    match input.str()? {
                        "value" => event = input.bytes()?,
                        _ => input.skip()?,
                    }
                }
            }
            _ => input.skip()?,
        }
    }
    Ok((state, event.strip_prefix(&[0xd9, 0xd9, 0xf7]).unwrap_or(event)))
}

fn write(state: &[u8], events: &[Raised]) -> Result<Vec<u8>, minicbor::encode::Error<Infallible>> {
    let mut out = Encoder::new(Vec::new());
    out.map(2)?.str("state")?.bytes(state)?;
    out.str("domain_events")?.array(events.len() as u64)?;
    for Raised { schema, value, key } in events {
        out.map(3)?.str("schema")?.str(schema)?;
        out.str("value")?.bytes(value)?.str("key")?.bytes(key)?;
    }
    Ok(out.into_writer())
}
