//! A pixel of colours that were computed.

/// A pixel of four samples from its colours, 0 to 255 each; the fourth sample is 0.
#[inline(always)]
pub(super) fn pixel([red, green, blue]: [u16; 3]) -> [u8; 4] {
    (u32::from(red | green << 8) | u32::from(blue) << 16).to_le_bytes()
}
