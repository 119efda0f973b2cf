//! Decodes zstd (RFC 8878), and charges the memory for it.

use std::io::{self, Write};

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::decoding::refusal;
use crate::budget::Charge;
use crate::http::error::Failure;

/// The largest window of a frame, as a power of two: 8 MiB. RFC 9659 requires that decoders of the content coding support this size. A
/// larger limit would let each upload allocate more memory.
const WINDOW_LOG_MAX: u32 = 23;

/// The size of the output buffer, in bytes. It is the maximum size of a block in a frame.
const OUTPUT_BYTES: usize = 128 << 10;

/// Decodes zstd and writes the decoded bytes to the sink `W`.
///
/// The decoder allocates the window of a frame when it decodes the header of the frame. After each step, the decoder's charge on the memory
/// budget is resized to the memory that the decoder has allocated, so an upload fails if there is no memory for the window. The writer of
/// the crate `zstd` is not used, because it does not report how much memory its decoder has allocated.
pub(in crate::http) struct ZstdDecoder<W> {
    context: DCtx<'static>,
    sink: W,
    output: Vec<u8>,
    charge: Charge,
    /// Whether the last frame is complete.
    is_complete: bool,
}

impl<W: Write> ZstdDecoder<W> {
    /// Creates a decoder.
    ///
    /// # Errors
    /// 503 if there is no memory for the decoder.
    pub fn new(sink: W, charge: Charge) -> Result<Self, Failure> {
        let mut context = DCtx::try_create().ok_or_else(Failure::busy)?;
        let limited = context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX));
        limited.map_err(|_| Failure::busy())?;
        let mut decoder = Self {
            context,
            sink,
            output: Vec::with_capacity(OUTPUT_BYTES),
            charge,
            is_complete: false,
        };
        decoder.resize_charge()?;
        Ok(decoder)
    }

    /// Decodes the next bytes, and writes the result to the sink.
    ///
    /// # Errors
    /// If `bytes` are not valid zstd, if the memory is used up (a failure wrapped by [`refusal`]), or if the sink fails.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        let mut has_output_left = false;
        while input.pos() < bytes.len() || has_output_left {
            self.output.clear();
            let mut output = OutBuffer::around(&mut self.output);
            let missing = self.context.decompress_stream(&mut output, &mut input);
            let missing = missing.map_err(|code| invalid(get_error_name(code)))?;
            self.is_complete = missing == 0;
            has_output_left = self.output.len() == OUTPUT_BYTES && !self.is_complete;
            self.resize_charge().map_err(refusal)?;
            self.sink.write_all(&self.output)?;
        }
        Ok(())
    }

    /// Checks that the last frame is complete, and returns the sink.
    ///
    /// # Errors
    /// If the last frame is incomplete.
    pub fn finish(self) -> io::Result<W> {
        if self.is_complete {
            Ok(self.sink)
        } else {
            Err(invalid("incomplete frame"))
        }
    }

    /// Returns the sink that receives the decoded bytes.
    pub fn sink_mut(&mut self) -> &mut W {
        &mut self.sink
    }

    fn resize_charge(&mut self) -> Result<(), Failure> {
        let bytes = self.context.sizeof() + OUTPUT_BYTES;
        Ok(self.charge.try_resize(bytes as u64)?)
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use zstd::stream::write::Encoder;

    use super::*;
    use crate::budget::ByteBudget;

    /// Returns a zstd frame that contains `bytes` and has a window of this size.
    fn frame(bytes: &[u8], window_log: u32) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decoder(budget: &ByteBudget) -> ZstdDecoder<Vec<u8>> {
        ZstdDecoder::new(Vec::new(), budget.empty_charge()).unwrap()
    }

    #[test]
    fn frames_are_decoded_in_parts_of_any_size() {
        let text = b"the same text again and again ".repeat(20_000);
        let body = [frame(&text, 17), frame(b"", 10), frame(&text, 20)].concat();
        for part in [1, 1000, body.len()] {
            let mut decoder = decoder(&ByteBudget::default());
            for bytes in body.chunks(part) {
                decoder.write_all(bytes).unwrap();
            }
            assert!(decoder.finish().unwrap() == text.repeat(2), "{part}");
        }
        let exact = vec![7; OUTPUT_BYTES * 2];
        let mut whole = decoder(&ByteBudget::default());
        whole.write_all(&frame(&exact, 17)).unwrap();
        assert!(whole.finish().unwrap() == exact);
        for cut in [0, 3, body.len() - 1] {
            let mut decoder = decoder(&ByteBudget::default());
            decoder.write_all(&body[..cut]).unwrap();
            assert!(decoder.finish().is_err(), "{cut}");
        }
    }

    #[test]
    fn window_is_charged_while_the_decoder_exists() {
        let budget = ByteBudget::new(64 << 20);
        let small = decoder(&budget);
        assert!(budget.used() < 1 << 20, "{}", budget.used());
        let mut large = decoder(&budget);
        large.write_all(&frame(b"x", 23)[..8]).unwrap();
        assert!(budget.used() > 8 << 20, "{}", budget.used());
        drop((small, large));
        assert_eq!(budget.used(), 0);

        let mut refused = decoder(&ByteBudget::new(8 << 20));
        let error = refused.write_all(&frame(b"x", 23)).unwrap_err();
        assert!(error.downcast::<Failure>().is_ok());
        let mut too_large = decoder(&budget);
        assert!(too_large.write_all(&frame(b"x", 24)).is_err());
    }
}
