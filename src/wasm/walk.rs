//! The way through a module, part by part: parser, validator, limits, and what is gathered on the way.

use wasmparser::{Chunk, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures};

use super::Error;
use super::bodies::Bodies;
use super::collect::Collector;
use super::limits::{SectionHead, check_body, check_imports, check_section};
use super::skip::{self, CUSTOM_BYTES_MAX, Skip};

/// A module or component that is being validated.
pub(super) struct Walk {
    section_bytes_max: u32,
    frame: Frame,
    /// The components around the one in `frame`, the outermost first.
    outer: Vec<Frame>,
    /// How many bytes of a custom section are still to be passed over.
    skip_bytes: u64,
    validator: Validator,
    collector: Collector,
    bodies: Bodies,
}

/// A module or component within which the walk is.
struct Frame {
    parser: Parser,
    place: Place,
    /// Where it ends, if it stands in another one.
    end: Option<u64>,
}

/// Where in a module or component the walk is.
#[derive(Clone, Copy)]
enum Place {
    /// Before the header.
    Header,
    /// Before a section.
    Section(Encoding),
    /// In the code section.
    Code { bodies: u32, bytes: u32 },
}

/// How far a step led.
pub(super) enum Step {
    /// So many bytes are done with.
    Used(usize),
    /// The next step needs so many bytes at once.
    Need(usize),
    /// The module is complete.
    End,
}

impl Walk {
    pub(super) fn new(section_bytes_max: u32) -> Self {
        Self {
            section_bytes_max,
            frame: Frame::new(Parser::new(0), None),
            outer: Vec::new(),
            skip_bytes: 0,
            validator: Validator::new_with_features(WasmFeatures::all()),
            collector: Collector::default(),
            bodies: Bodies::default(),
        }
    }

    /// Takes the part that `data` begins with. With `eof`, nothing comes after `data`.
    pub(super) fn step(&mut self, data: &[u8], eof: bool) -> Result<Step, Error> {
        if self.skip_bytes > 0 {
            return self.skip(data, eof);
        }
        self.check_limits(data)?;
        match self.frame.parser.parse(data, false)? {
            Chunk::Parsed { consumed, payload } => self.take(payload, consumed),
            Chunk::NeedMoreData(bytes) if !eof => self.need(data, data.len().saturating_add(bytes)),
            Chunk::NeedMoreData(_) => self.end(data),
        }
    }

    /// Tells whether a function body is known to be wrong.
    pub(super) fn has_fault(&self) -> bool {
        self.bodies.has_fault()
    }

    /// Waits for the function bodies and gives what was gathered; their error, if they have one.
    pub(super) fn finish(self) -> Result<Collector, Error> {
        self.bodies.finish()?;
        Ok(self.collector)
    }

    fn check_limits(&self, data: &[u8]) -> Result<(), Error> {
        let data = self.frame.within(data);
        let offset = self.frame.parser.offset();
        match self.frame.place {
            Place::Section(encoding) => {
                check_section(data, offset, encoding, self.section_bytes_max)
            }
            Place::Code { bodies, bytes } if bodies > 0 => check_body(data, offset, bytes),
            Place::Header | Place::Code { .. } => Ok(()),
        }
    }

    /// Takes what `data` begins with, where more is wanted than there is: that may be the end.
    fn end(&mut self, data: &[u8]) -> Result<Step, Error> {
        match self.frame.parser.parse(data, true) {
            Ok(Chunk::Parsed { consumed, payload }) => self.take(payload, consumed),
            Ok(Chunk::NeedMoreData(_)) => {
                unreachable!("BUG: the parser asked for more than all there is")
            }
            Err(error) if error.message() == "unexpected end-of-file" => {
                Err(Error::invalid(TRUNCATED, error.offset()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for more bytes, unless they are those of a long custom section: of that only the name is of interest.
    fn need(&mut self, data: &[u8], bytes: usize) -> Result<Step, Error> {
        let head = match self.frame.place {
            Place::Section(_) => SectionHead::peek(data),
            Place::Header | Place::Code { .. } => None,
        };
        let Some(head) =
            head.filter(|head| head.is_custom() && head.contents_bytes > CUSTOM_BYTES_MAX)
        else {
            return Ok(Step::Need(bytes));
        };
        match skip::read_name(data, self.frame.parser.offset(), head)? {
            Skip::Need(bytes) => Ok(Step::Need(bytes)),
            Skip::Named {
                name,
                section_bytes,
            } => {
                if self.outer.is_empty() {
                    self.collector.custom_section(name);
                }
                skip::advance(&mut self.frame.parser, section_bytes)?;
                self.skip_bytes = section_bytes;
                Ok(Step::Used(0))
            }
        }
    }

    fn skip(&mut self, data: &[u8], eof: bool) -> Result<Step, Error> {
        let used =
            usize::try_from(self.skip_bytes).map_or(data.len(), |bytes| bytes.min(data.len()));
        self.skip_bytes -= used as u64;
        match used {
            0 if eof => {
                let end = self.frame.parser.offset() - self.skip_bytes;
                Err(Error::invalid(TRUNCATED, end))
            }
            0 => Ok(Step::Need(1)),
            used => Ok(Step::Used(used)),
        }
    }

    fn take(&mut self, payload: Payload<'_>, used: usize) -> Result<Step, Error> {
        if let Payload::ImportSection(imports) = &payload {
            check_imports(imports, self.section_bytes_max)?;
        }
        let valid = self.validator.payload(&payload)?;
        if self.outer.is_empty() {
            self.collector.payload(&payload)?;
        }
        self.frame.passed(&payload, used);
        match valid {
            ValidPayload::Ok => {}
            ValidPayload::Func(function, body) => self.bodies.push(function, &body),
            ValidPayload::Parser(parser) => {
                let inner = Frame::new(parser, end_of(&payload));
                self.outer.push(std::mem::replace(&mut self.frame, inner));
            }
            ValidPayload::End(_) => match self.outer.pop() {
                Some(outer) => self.frame = outer,
                None => return Ok(Step::End),
            },
        }
        Ok(Step::Used(used))
    }
}

impl Frame {
    fn new(parser: Parser, end: Option<u64>) -> Self {
        Self {
            parser,
            place: Place::Header,
            end,
        }
    }

    /// Gives the part of `data`, which begins where the parser stands, that belongs to this module.
    fn within<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        let left = self.end.map(|end| end.saturating_sub(self.parser.offset()));
        match left.and_then(|left| usize::try_from(left).ok()) {
            Some(left) if left < data.len() => &data[..left],
            _ => data,
        }
    }

    /// Follows the parser past `payload`, which took up `used` bytes.
    fn passed(&mut self, payload: &Payload<'_>, used: usize) {
        self.place = match (payload, self.place) {
            (Payload::Version { encoding, .. }, _) => Place::Section(*encoding),
            (Payload::CodeSectionStart { count, size, .. }, _) => Place::Code {
                bodies: *count,
                bytes: *size,
            },
            (Payload::CodeSectionEntry(_), Place::Code { bodies, bytes }) => Place::Code {
                bodies: bodies - 1,
                bytes: bytes - used as u32,
            },
            (_, place) => place,
        };
        // What is left behind the last body is the parser's to refuse.
        if let Place::Code {
            bodies: 0,
            bytes: 0,
        } = self.place
        {
            self.place = Place::Section(Encoding::Module);
        }
    }
}

const TRUNCATED: &str = "truncated: unexpected end-of-file";

fn end_of(payload: &Payload<'_>) -> Option<u64> {
    match payload {
        Payload::ModuleSection {
            unchecked_range, ..
        }
        | Payload::ComponentSection {
            unchecked_range, ..
        } => Some(unchecked_range.end),
        _ => None,
    }
}
