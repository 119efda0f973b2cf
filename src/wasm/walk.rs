//! Makes one pass over a module. For each payload, checks the limits, parses and validates it, and collects information from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmparser::{Chunk, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures};

use super::Error;
use super::bodies::Bodies;
use super::collect::InfoCollector;
use super::facts::{Facts, FactsCollector};
use super::fuel::Fuel;
use super::limits::{SectionHeader, check_body, check_imports, check_section};
use super::memory::ParsedMemory;
use super::section_cost;
use super::skip::{self, CUSTOM_BYTES_MAX, Skip};
use super::type_scale::TypeScale;
use super::type_size::TypeSizes;

/// The pass over a module or component, with everything that it has collected so far.
pub(super) struct ModuleWalk {
    section_bytes_max: u32,
    frame: Frame,
    /// The components that contain the module or component in `frame`, the outermost first.
    outer: Vec<Frame>,
    /// The number of remaining bytes of a custom section that is being skipped; otherwise 0.
    skip_bytes: u64,
    validator: Validator,
    collector: InfoCollector,
    /// The collector of facts. `None` if facts were not requested, or if the collector has panicked.
    facts: Option<FactsCollector>,
    bodies: Bodies,
    fuel: Arc<Fuel>,
    memory: ParsedMemory,
    type_sizes: TypeSizes,
}

/// The position in a module or component that is being read. The module or component may be nested in another component.
struct Frame {
    parser: Parser,
    position: ParserPosition,
    types: TypeScale,
    /// If the module or component is nested, the offset of its end in the outermost one.
    end: Option<u64>,
}

/// The position of the parser in a module or component.
#[derive(Clone, Copy)]
enum ParserPosition {
    /// The next bytes are the header of the module or component.
    Header,
    /// The header was read. The next bytes are a section, unless the module or component ends here.
    Section(Encoding),
    /// In the code section: the number of bodies that remain, and the number of bytes that remain.
    Code { bodies: u32, bytes: u32 },
}

/// The result of one parser step.
pub(super) enum ParseStep {
    /// The step has processed this number of bytes.
    Used(usize),
    /// The step needs at least this number of bytes, from the current position. It has processed nothing.
    Need(usize),
    /// The outermost module or component is complete.
    End,
}

impl ModuleWalk {
    pub(super) fn new(section_bytes_max: u32, fuel: Arc<Fuel>, memory: ParsedMemory) -> Self {
        Self {
            section_bytes_max,
            frame: Frame::new(Parser::new(0), None),
            outer: Vec::new(),
            skip_bytes: 0,
            validator: Validator::new_with_features(WasmFeatures::all()),
            collector: InfoCollector::default(),
            facts: None,
            bodies: Bodies::new(Arc::clone(&fuel)),
            fuel,
            memory,
            type_sizes: TypeSizes::default(),
        }
    }

    /// Makes the pass also collect facts. Called before the first step.
    pub(super) fn collect_facts(&mut self) {
        self.facts = Some(FactsCollector::new());
        self.bodies.record_features();
        self.memory.charge_facts();
    }

    /// Makes the pass read function bodies only for the facts, without validating them.
    pub(super) fn skip_validation_of_bodies(&mut self) {
        self.bodies.skip_validation();
    }

    /// Processes the payload at the start of `data`. If `eof` is true, no bytes follow `data`.
    pub(super) fn step(&mut self, data: &[u8], eof: bool) -> Result<ParseStep, Error> {
        if self.skip_bytes > 0 {
            return self.skip(data, eof);
        }
        self.check_limits(data)?;
        let start = self.frame.parser.offset();
        match self.frame.parser.parse(data, false)? {
            Chunk::Parsed { consumed, payload } => self.take(payload, start, &data[..consumed]),
            Chunk::NeedMoreData(bytes) if !eof => self.need(data, data.len().saturating_add(bytes)),
            Chunk::NeedMoreData(_) => self.end(data),
        }
    }

    /// Returns whether an invalid function body has been found.
    pub(super) fn has_error(&self) -> bool {
        self.bodies.has_error()
    }

    /// Waits for the validation of the function bodies. Returns the collected information and facts. `size_bytes` is the size of the
    /// module.
    pub(super) fn finish(self, size_bytes: u64) -> Result<(InfoCollector, Option<Facts>), Error> {
        let features = self.bodies.finish()?;
        let finish = |facts: FactsCollector| {
            let finish = AssertUnwindSafe(|| facts.finish(size_bytes, features));
            catch_unwind(finish).unwrap_or_default()
        };
        Ok((self.collector, self.facts.and_then(finish)))
    }

    fn check_limits(&self, data: &[u8]) -> Result<(), Error> {
        let data = self.frame.within(data);
        let offset = self.frame.parser.offset();
        match self.frame.position {
            ParserPosition::Section(encoding) => {
                check_section(data, offset, encoding, self.section_bytes_max)
            }
            ParserPosition::Code { bodies, bytes } if bodies > 0 => check_body(data, offset, bytes),
            ParserPosition::Header | ParserPosition::Code { .. } => Ok(()),
        }
    }

    /// Processes `data` if the parser needs more bytes, but the input has ended. The module is then either complete or truncated; if it is
    /// truncated, returns an error.
    fn end(&mut self, data: &[u8]) -> Result<ParseStep, Error> {
        let start = self.frame.parser.offset();
        match self.frame.parser.parse(data, true) {
            Ok(Chunk::Parsed { consumed, payload }) => self.take(payload, start, &data[..consumed]),
            Ok(Chunk::NeedMoreData(_)) => {
                unreachable!("BUG: the parser asked for bytes after the end")
            }
            Err(error) if error.message() == "unexpected end-of-file" => {
                Err(Error::invalid(TRUNCATED, error.offset()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns [`ParseStep::Need`] with `bytes`, the number of bytes that the next payload needs. But if `data` begins with a long custom
    /// section, reads the name of the section and starts to skip it.
    fn need(&mut self, data: &[u8], bytes: usize) -> Result<ParseStep, Error> {
        let head = match self.frame.position {
            ParserPosition::Section(_) => SectionHeader::peek(data),
            ParserPosition::Header | ParserPosition::Code { .. } => None,
        };
        let Some(head) =
            head.filter(|head| head.is_custom() && head.contents_bytes > CUSTOM_BYTES_MAX)
        else {
            return Ok(ParseStep::Need(bytes));
        };
        match skip::read_name(data, self.frame.parser.offset(), head)? {
            Skip::Need(bytes) => Ok(ParseStep::Need(bytes)),
            Skip::Named(section) => {
                if self.outer.is_empty() {
                    self.collector.custom_section(section.name);
                }
                FactsCollector::add(&mut self.facts, |facts| facts.skips(&section));
                skip::advance(&mut self.frame.parser, section.section_bytes)?;
                self.skip_bytes = section.section_bytes;
                Ok(ParseStep::Used(0))
            }
        }
    }

    fn skip(&mut self, data: &[u8], eof: bool) -> Result<ParseStep, Error> {
        let used =
            usize::try_from(self.skip_bytes).map_or(data.len(), |bytes| bytes.min(data.len()));
        self.skip_bytes -= used as u64;
        FactsCollector::add(&mut self.facts, |facts| facts.skipped(&data[..used]));
        match used {
            0 if eof => {
                let end = self.frame.parser.offset() - self.skip_bytes;
                Err(Error::invalid(TRUNCATED, end))
            }
            0 => Ok(ParseStep::Need(1)),
            used => Ok(ParseStep::Used(used)),
        }
    }

    /// Processes the payload that was parsed from `data`. `start` is its offset in the module.
    fn take(&mut self, payload: Payload<'_>, start: u64, data: &[u8]) -> Result<ParseStep, Error> {
        if let Payload::ImportSection(imports) = &payload {
            check_imports(imports, self.section_bytes_max)?;
        }
        let units = section_cost::of_payload(&payload, &self.validator, &mut self.type_sizes);
        let end = self.frame.parser.offset();
        let charged = self.fuel.charge_section(units, end);
        charged.map_err(|stop| self.fuel.error(stop, end))?;
        self.memory.charge(&payload)?;
        let valid = self.validator.payload(&payload)?;
        FactsCollector::add(&mut self.facts, |facts| {
            facts.payload(&payload, start, data, self.validator.types(0));
        });
        if let Payload::TypeSection(_) = &payload {
            self.frame.types = TypeScale::of_module(&self.validator);
        }
        if self.outer.is_empty() {
            self.collector.payload(&payload)?;
        }
        if let Payload::CodeSectionStart { .. } = payload {
            self.bodies.add_features(self.facts.as_ref());
        }
        self.frame.passed(&payload, data.len());
        match valid {
            ValidPayload::Ok => {}
            ValidPayload::Func(function, body) => {
                self.bodies.push(function, &body, self.frame.types);
            }
            ValidPayload::Parser(parser) => {
                let inner = Frame::new(parser, end_of(&payload));
                self.outer.push(std::mem::replace(&mut self.frame, inner));
            }
            ValidPayload::End(_) => match self.outer.pop() {
                Some(outer) => self.frame = outer,
                None => return Ok(ParseStep::End),
            },
        }
        Ok(ParseStep::Used(data.len()))
    }
}

impl Frame {
    fn new(parser: Parser, end: Option<u64>) -> Self {
        Self {
            parser,
            position: ParserPosition::Header,
            types: TypeScale::default(),
            end,
        }
    }

    /// Returns the part of `data` before the end of this module or component. `data` starts at the position of the parser.
    fn within<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        let left = self.end.map(|end| end.saturating_sub(self.parser.offset()));
        match left.and_then(|left| usize::try_from(left).ok()) {
            Some(left) if left < data.len() => &data[..left],
            _ => data,
        }
    }

    /// Updates the position of the parser after `payload`, which was `used` bytes long.
    fn passed(&mut self, payload: &Payload<'_>, used: usize) {
        self.position = match (payload, self.position) {
            (Payload::Version { encoding, .. }, _) => ParserPosition::Section(*encoding),
            (Payload::CodeSectionStart { count, size, .. }, _) => ParserPosition::Code {
                bodies: *count,
                bytes: *size,
            },
            (Payload::CodeSectionEntry(_), ParserPosition::Code { bodies, bytes }) => {
                ParserPosition::Code {
                    bodies: bodies - 1,
                    bytes: bytes - used as u32,
                }
            }
            (_, position) => position,
        };
        // The next section follows directly after the last body, because the parser rejects bytes between them.
        if let ParserPosition::Code {
            bodies: 0,
            bytes: 0,
        } = self.position
        {
            self.position = ParserPosition::Section(Encoding::Module);
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
