//! Base64 as Go reads it, with Go's words for what is none. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The bytes of a text in padded base64. Line breaks do not count.
///
/// # Errors
/// It is none: Go's words, which name the first byte that does not fit.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let is_break = |b: &u8| matches!(b, b'\r' | b'\n');
    let plain: Vec<u8> = text.bytes().filter(|b| !is_break(b)).collect();
    STANDARD.decode(&plain).map_err(|_| format!("illegal base64 data at input byte {}", fault(text)))
}

/// Where Go stops.
fn fault(text: &str) -> usize {
    let bytes: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let data = bytes.iter().take_while(|(_, b)| good(*b)).count();
    match bytes.get(data) {
        // Padding belongs into the last two places of a block of four, fills it, and nothing follows.
        Some((at, b'=')) => match (data % 4, bytes.get(data + 1)) {
            (0 | 1, _) => *at,
            (2, None) => text.len(),
            // It names the place before what is not a padding.
            (2, Some((at, b))) if *b != b'=' => at - 1,
            (2, _) => bytes.get(data + 2).map_or(text.len(), |(at, _)| *at),
            (_, next) => next.map_or(text.len(), |(at, _)| *at),
        },
        Some((at, _)) => *at,
        None => text.len() - data % 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // What Go's encoding/base64 says.
    #[rstest]
    #[case::good("aGk=", None)]
    #[case::lines("aG\nk=\n", None)]
    #[case::a_dash("DIFFSECRET-list", Some(10))]
    #[case::brackets("ENC[AES", Some(3))]
    #[case::too_short("aGkaG", Some(4))]
    #[case::behind_the_padding("Tk7Wnx+NI8zzznM/3jjcVQ==y", Some(24))]
    #[case::half_a_padding("eA=y", Some(2))]
    #[case::half_a_padding_and_lines("AA\n=\nx", Some(4))]
    #[case::two("eA==eA==", Some(4))]
    #[case::one("A", Some(0))]
    #[case::padding_alone("AAAA=", Some(4))]
    #[case::padding_too_early("e===", Some(1))]
    #[case::padding_missing("eA=", Some(3))]
    fn base64_is_read_as_go_reads_it(#[case] text: &str, #[case] fault: Option<usize>) {
        let says = decode_base64(text).err();
        assert_eq!(says, fault.map(|at| format!("illegal base64 data at input byte {at}")));
    }
}
