//! Source texts: names, contents, and bytes turned into characters.

use std::borrow::Cow;

use thiserror::Error;

/// A text and the name that diagnostics call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user gave it; it is only printed.
    pub name: String,
    /// The text. A byte order mark at its start is allowed and has no column.
    pub text: String,
}

/// Why the bytes of a file are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8 and no UTF-16 byte order mark introduces them.
    #[error("the file is not UTF-8: the byte at offset {offset} starts no character")]
    NotUtf8 {
        /// Byte offset of the first byte that fits no character.
        offset: usize,
    },
    /// A UTF-16 byte order mark, then something that is not UTF-16.
    #[error("the file starts as UTF-16, but the code unit at byte offset {offset} stands alone")]
    NotUtf16 {
        /// Byte offset of the first code unit that fits no character.
        offset: usize,
    },
}

impl Source {
    /// Text from the bytes of a file: UTF-8, or UTF-16 when its byte order mark says so.
    ///
    /// # Errors
    /// The bytes are text in neither encoding.
    pub fn decode(name: impl Into<String>, bytes: &[u8]) -> Result<Source, DecodeError> {
        let text = match bytes {
            [0xFF, 0xFE, rest @ ..] => decode_utf16(rest, u16::from_le_bytes)?,
            [0xFE, 0xFF, rest @ ..] => decode_utf16(rest, u16::from_be_bytes)?,
            _ => std::str::from_utf8(bytes)
                .map_err(|error| DecodeError::NotUtf8 { offset: error.valid_up_to() })?
                .to_owned(),
        };
        Ok(Source { name: name.into(), text })
    }

    /// The text without a byte order mark: what columns are counted in.
    pub(crate) fn body(&self) -> &str {
        self.text.strip_prefix('\u{FEFF}').unwrap_or(&self.text)
    }

    /// The file's name without its folders, for sentences.
    pub(crate) fn file_name(&self) -> Cow<'_, str> {
        self.name.rsplit(['/', '\\']).next().map_or(Cow::Borrowed(""), Cow::Borrowed)
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, DecodeError> {
    const BYTE_ORDER_MARK: usize = 2;
    let (units, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    let mut offset = BYTE_ORDER_MARK;
    for character in char::decode_utf16(units.iter().map(|pair| unit(*pair))) {
        let character = character.map_err(|_| DecodeError::NotUtf16 { offset })?;
        text.push(character);
        offset = offset.saturating_add(character.len_utf16().saturating_mul(2));
    }
    if rest.is_empty() { Ok(text) } else { Err(DecodeError::NotUtf16 { offset }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_of_utf_16_and_utf_8_give_the_same_text() {
        let text = "<a b='é𝄞'/>";
        let little: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> =
            [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        for bytes in [little.as_slice(), big.as_slice(), text.as_bytes()] {
            assert_eq!(Source::decode("a.csdef", bytes).unwrap().text, text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_place() {
        assert_eq!(Source::decode("a", b"ab\xFFc"), Err(DecodeError::NotUtf8 { offset: 2 }));
        assert_eq!(Source::decode("a", b"\xFF\xFEa\0\0\xD8"), Err(DecodeError::NotUtf16 { offset: 4 }));
        assert_eq!(Source::decode("a", b"\xFF\xFEa\0b"), Err(DecodeError::NotUtf16 { offset: 4 }));
    }
}
