//! Decompression into memory, never trusting what a header promises.

use std::io::{self, Read};

/// First bytes of a zstd frame.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bytes of the largest message or chunk that is read.
pub(super) const LARGEST: u64 = 1 << 30;

/// Bytes that anything compressed may unpack to, however short it is.
const FLOOR: u64 = 64 << 20;
/// Times its own length that anything longer may.
///
/// Pictures with noise in them shrink less than tenfold, rendered ones some hundredfold; zstd itself reaches more than thirty thousand.
pub(super) const MOST_RATIO: u64 = 1000;

/// Bytes that so many compressed ones can be believed to hold.
pub(super) fn believed(compressed: usize) -> u64 {
    (compressed as u64).saturating_mul(MOST_RATIO).clamp(FLOOR, LARGEST)
}

/// What could be read, and why it is not all.
pub(super) struct Inflated {
    /// All that came before the fault.
    pub data: Vec<u8>,
    /// Why reading stopped early.
    pub fault: Option<io::Error>,
}

/// Reads until the end, at most `limit` bytes; `guess` bytes are reserved at once.
pub(super) fn read_up_to(input: impl Read, limit: u64, guess: usize) -> Inflated {
    let mut data = Vec::with_capacity(guess);
    let fault = match input.take(limit.saturating_add(1)).read_to_end(&mut data) {
        Ok(read) if read as u64 > limit => {
            data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Some(io::Error::other(format!("more than {limit} bytes")))
        }
        Ok(_) => None,
        Err(fault) => Some(fault),
    };
    Inflated { data, fault }
}

/// Decompresses one chunk: `compression` is `""`, `zstd` or `lz4`.
///
/// At most 32 times the compressed length is reserved before there is content for it.
pub(super) fn inflate(compression: &str, compressed: &[u8], expected: u64) -> Inflated {
    let justified = compressed.len().saturating_mul(32);
    let guess = usize::try_from(expected).map_or(justified, |expected| expected.min(justified));
    let limit = expected.min(believed(compressed.len()));
    let failed = |fault| Inflated { data: Vec::new(), fault: Some(fault) };
    match compression {
        "" => read_up_to(compressed, limit, compressed.len()),
        "zstd" => match zstd::stream::read::Decoder::with_buffer(compressed) {
            Ok(decoder) => read_up_to(decoder, limit, guess),
            Err(fault) => failed(fault),
        },
        "lz4" => match lz4::Decoder::new(compressed) {
            Ok(decoder) => read_up_to(decoder, limit, guess),
            Err(fault) => failed(fault),
        },
        other => failed(io::Error::other(format!("compression `{other}` is unknown; lz4 and zstd can be read"))),
    }
}

/// Decompresses a message that rosbag2 compressed by itself; others pass through.
///
/// CDR starts with a zero byte, so that the frame's first bytes tell them apart.
pub(super) fn inflate_message(data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
    if !data.starts_with(&ZSTD_MAGIC) {
        return Ok(data);
    }
    match inflate("zstd", &data, LARGEST) {
        Inflated { data, fault: None } => Ok(data),
        Inflated { fault: Some(fault), .. } => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_frame_gives_what_came_before() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let plain: Vec<u8> = (0..400_000).map(|_| noise()).collect();
        let packed = zstd::encode_all(&plain[..], 1).unwrap();
        let half = inflate("zstd", &packed[..packed.len() / 2], plain.len() as u64);
        assert!(half.fault.is_some());
        assert!(!half.data.is_empty() && plain.starts_with(&half.data));
    }

    #[test]
    fn a_few_bytes_are_not_believed_to_hold_a_gigabyte() {
        assert_eq!([1, 70_000, 1 << 40].map(believed), [FLOOR, 70_000_000, LARGEST]);
        let bomb = zstd::encode_all(io::repeat(0).take(FLOOR + 1), 1).unwrap();
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        let fault = inflate("zstd", &bomb, LARGEST).fault.unwrap().to_string();
        assert_eq!(fault, format!("more than {FLOOR} bytes"));
    }

    #[test]
    fn more_than_was_promised_is_a_fault() {
        let packed = zstd::encode_all(&[7u8; 1000][..], 1).unwrap();
        let inflated = inflate("zstd", &packed, 999);
        assert_eq!(inflated.data.len(), 999);
        assert_eq!(inflated.fault.unwrap().to_string(), "more than 999 bytes");
    }

    #[test]
    fn only_compressed_messages_are_decompressed() {
        let packed = zstd::encode_all(&[0u8, 1, 0, 0, 9][..], 1).unwrap();
        assert_eq!(inflate_message(packed).unwrap(), [0, 1, 0, 0, 9]);
        assert_eq!(inflate_message(vec![0, 1, 0, 0]).unwrap(), [0, 1, 0, 0]);
        inflate_message(ZSTD_MAGIC.to_vec()).unwrap_err();
    }
}
