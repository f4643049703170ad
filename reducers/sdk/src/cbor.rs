//! The CBOR that AIR uses: definite lengths, no floats. What `derive(Value)` calls.

use crate::Value;

/// The self-describe tag, which stands once in front of canonical bytes.
pub(crate) const SELF_DESCRIBE: [u8; 3] = [0xd9, 0xd9, 0xf7];

const NAT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAGGED: u8 = 6;

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// The place of a panic in here tells an author nothing.
#[cfg(target_arch = "wasm32")]
pub(crate) const FILE: &str = file!();

/// Deeper nesting is refused when something unknown is passed over.
const MAX_DEPTH: u32 = 128;

/// Writes canonical CBOR, if maps are given in canonical order.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, major: u8, count: u64) {
        let bytes = count.to_be_bytes();
        let (info, from) = match count {
            0..24 => return self.0.push(major << 5 | count as u8),
            24..0x100 => (24, 7),
            0x100..0x1_0000 => (25, 6),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 0),
        };
        self.0.push(major << 5 | info);
        self.0.extend_from_slice(&bytes[from..]);
    }

    pub fn nat(&mut self, value: u64) {
        self.head(NAT, value);
    }

    pub fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(NAT, value),
            Err(_) => self.head(NEGATIVE, !value as u64),
        }
    }

    pub fn bool(&mut self, value: bool) {
        self.0.push(if value { TRUE } else { FALSE });
    }

    pub fn null(&mut self) {
        self.0.push(NULL);
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    pub fn list(&mut self, len: usize) {
        self.head(LIST, len as u64);
    }

    pub fn map(&mut self, len: usize) {
        self.head(MAP, len as u64);
    }

    pub fn field<T: Value>(&mut self, name: &str, value: &T) {
        self.text(name);
        value.write(self);
    }

    /// The beginning of a variant. If it has a value, that is written next.
    pub fn tag(&mut self, tag: &str, has_value: bool) {
        self.map(1 + usize::from(has_value));
        self.text("$tag");
        self.text(tag);
        if has_value {
            self.text("$value");
        }
    }

    pub(crate) fn encoded(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
}

/// Reads CBOR from the front of a slice. What does not fit panics, which is a fault of the turn:
/// a reducer has nothing else to do with it, and its code need not carry the errors around.
pub struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    path: Vec<Part>,
}

/// Where a value lies within the one around it.
enum Part {
    Name(&'static str),
    Index(u64),
}

impl<'b> Reader<'b> {
    /// Reads `bytes` from behind the self-describe tag, if they begin with it. `what` they are is
    /// the beginning of an error.
    pub fn new(what: &'static str, bytes: &'b [u8]) -> Self {
        let bytes = bytes.strip_prefix(&SELF_DESCRIBE).unwrap_or(bytes);
        let path = vec![Part::Name(what)];
        Reader { bytes, at: 0, path }
    }

    pub fn end(&self) {
        if self.at != self.bytes.len() {
            self.fail("bytes follow the value");
        }
    }

    /// Panics: `state.results.#7.status: an int is expected, not a text`.
    #[cold]
    pub fn fail(&self, cause: &str) -> ! {
        let mut text = String::new();
        for part in &self.path {
            if !text.is_empty() {
                text.push('.');
            }
            match part {
                Part::Name(name) => text.push_str(name),
                Part::Index(index) => text.extend(["#", &index.to_string()]),
            }
        }
        panic!("{text}: {cause}")
    }

    #[cold]
    fn mismatch(&self, expected: &str) -> ! {
        let found = match self.peek() {
            None => "the end",
            Some(FALSE | TRUE) => "a bool",
            Some(NULL) => "null",
            Some(byte) => match byte >> 5 {
                NAT => "a nat",
                NEGATIVE => "a negative int",
                BYTES => "bytes",
                TEXT => "a text",
                LIST => "a list",
                MAP => "a map or record",
                TAGGED => "a tag",
                _ => "a number that AIR does not have",
            },
        };
        self.fail(&format!("{expected} is expected, not {found}"))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, len: u64) -> &'b [u8] {
        let rest = &self.bytes[self.at..];
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(part) => {
                self.at += part.len();
                part
            }
            None => self.fail("the bytes end too soon"),
        }
    }

    /// Major type and number of the next item.
    fn any_head(&mut self) -> (u8, u64) {
        let first = self.take(1)[0];
        let info = first & 0x1f;
        let count = match info {
            0..24 => u64::from(info),
            24..28 => {
                let bytes = self.take(1 << (info - 24));
                bytes.iter().fold(0, |count, byte| count << 8 | u64::from(*byte))
            }
            _ => self.fail("a definite length is expected"),
        };
        (first >> 5, count)
    }

    fn head(&mut self, major: u8, expected: &str) -> u64 {
        match self.peek() {
            Some(first) if first >> 5 == major => self.any_head().1,
            _ => self.mismatch(expected),
        }
    }

    pub fn nat(&mut self) -> u64 {
        self.head(NAT, "a nat")
    }

    pub fn int(&mut self) -> i64 {
        let negative = self.peek().is_some_and(|first| first >> 5 == NEGATIVE);
        let major = if negative { NEGATIVE } else { NAT };
        match i64::try_from(self.head(major, "an int")) {
            Ok(count) if negative => !count,
            Ok(count) => count,
            Err(_) => self.fail("an int of 64 bits is expected"),
        }
    }

    pub fn bool(&mut self) -> bool {
        match self.peek() {
            Some(byte @ (FALSE | TRUE)) => {
                self.at += 1;
                byte == TRUE
            }
            _ => self.mismatch("a bool"),
        }
    }

    /// Passes over a null; false if something else is next.
    pub fn null(&mut self) -> bool {
        let is_null = self.peek() == Some(NULL);
        self.at += usize::from(is_null);
        is_null
    }

    pub fn bytes(&mut self) -> &'b [u8] {
        let len = self.head(BYTES, "bytes");
        self.take(len)
    }

    pub fn text(&mut self) -> &'b str {
        let len = self.head(TEXT, "a text");
        let bytes = self.take(len);
        core::str::from_utf8(bytes).unwrap_or_else(|_| self.fail("a text is not UTF-8"))
    }

    /// Passes over the short text `name`; false if anything else is next.
    fn pass_name(&mut self, name: &str) -> bool {
        let head = [TEXT << 5 | name.len() as u8];
        let rest = self.bytes[self.at..].strip_prefix(&head);
        let is_next = name.len() < 24 && rest.is_some_and(|rest| rest.starts_with(name.as_bytes()));
        if is_next {
            self.at += 1 + name.len();
        }
        is_next
    }

    pub fn list(&mut self) -> u64 {
        self.head(LIST, "a list")
    }

    pub fn map(&mut self) -> u64 {
        self.head(MAP, "a map")
    }

    pub fn skip(&mut self) {
        self.skip_within(MAX_DEPTH);
    }

    fn skip_within(&mut self, depth: u32) {
        let Some(inner) = depth.checked_sub(1) else {
            self.fail("a value is nested too deep");
        };
        let (major, count) = self.any_head();
        let items = match major {
            BYTES | TEXT => {
                self.take(count);
                0
            }
            LIST => count,
            MAP => count.saturating_mul(2),
            TAGGED => 1,
            _ => 0,
        };
        for _ in 0..items {
            self.skip_within(inner);
        }
    }

    /// Reads the member of a list or map.
    pub fn member<T: Value>(&mut self, index: u64) -> T {
        self.part(Part::Index(index))
    }

    fn part<T: Value>(&mut self, part: Part) -> T {
        self.path.push(part);
        let value = T::read(self);
        self.path.pop();
        value
    }

    /// Leaves the value of a variant.
    pub fn leave(&mut self) {
        self.path.pop();
    }

    /// Enters a record.
    pub fn fields(&mut self) -> Fields {
        let len = self.head(MAP, "a record");
        Fields { start: self.at, len, read: 0, sorted: true }
    }

    /// Enters a variant, up to its value.
    pub fn variant(&mut self) -> Variant<'b> {
        let mut fields = self.fields();
        if !fields.find(self, "$tag") {
            self.fail("a variant has no $tag");
        }
        let tag = self.text();
        let unread = fields.find(self, "$value");
        Variant { tag, unread, fields }
    }
}

/// The fields of one record, read in the order of their names. What the host and this SDK write
/// is in that order; anything else is searched.
pub struct Fields {
    start: usize,
    len: u64,
    read: u64,
    sorted: bool,
}

impl Fields {
    pub fn read<T: Value>(&mut self, input: &mut Reader<'_>, name: &'static str) -> T {
        match self.find(input, name) {
            true => input.part(Part::Name(name)),
            false => T::absent().unwrap_or_else(|| input.fail(&format!("{name} is missing"))),
        }
    }

    /// Goes to the value of the field, if there is one.
    fn find(&mut self, input: &mut Reader<'_>, name: &str) -> bool {
        if self.sorted && self.read < self.len && input.pass_name(name) {
            self.read += 1;
            return true;
        }
        self.search(input, name)
    }

    #[cold]
    fn search(&mut self, input: &mut Reader<'_>, name: &str) -> bool {
        let here = input.at;
        input.at = self.start;
        for _ in 0..self.len {
            if input.text() == name {
                self.sorted = false;
                self.read += 1;
                return true;
            }
            input.skip();
        }
        input.at = here;
        false
    }

    /// Leaves the record. What it holds besides the fields that were read is an error.
    pub fn end(self, input: &mut Reader<'_>) {
        if self.read != self.len {
            input.fail("the record has a field that is not known, or one twice");
        }
        if !self.sorted {
            input.at = self.start;
            for _ in 0..self.len * 2 {
                input.skip();
            }
        }
    }
}

/// A variant that has been entered.
pub struct Variant<'b> {
    pub tag: &'b str,
    unread: bool,
    fields: Fields,
}

impl Variant<'_> {
    /// Reads the value.
    pub fn value<T: Value>(&mut self, input: &mut Reader<'_>, tag: &'static str) -> T {
        match core::mem::take(&mut self.unread) {
            true => input.part(Part::Name(tag)),
            false => T::absent().unwrap_or_else(|| input.fail(&format!("{tag} has no $value"))),
        }
    }

    /// Enters the value, a record.
    pub fn enter(&mut self, input: &mut Reader<'_>, tag: &'static str) {
        input.path.push(Part::Name(tag));
        if !core::mem::take(&mut self.unread) {
            input.fail("there is no $value");
        }
    }

    /// Leaves the variant; a value that its tag does not have is passed over, as null is.
    pub fn end(self, input: &mut Reader<'_>) {
        if self.unread {
            input.skip();
        }
        self.fields.end(input);
    }

    #[cold]
    pub fn unknown(&self, input: &Reader<'_>) -> ! {
        input.fail(&format!("there is no tag {}", self.tag))
    }
}
