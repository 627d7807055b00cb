//! The query of a path, `?after=17&follow=true`, as a value and back.
//!
//! Fields of the four query types are text, numbers, booleans or names of variants; each is in the query at most once, and
//! what a type does not have is an error.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

/// A query cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query cannot be understood: {reason}")]
pub struct QueryError {
    reason: String,
}

impl serde::de::Error for QueryError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Reads a query, without its `?`.
///
/// # Errors
///
/// A name that the type does not have, or twice; a value that is none; percent signs that stand for no UTF-8.
pub fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, QueryError> {
    let mut fields = Vec::new();
    for field in query.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        fields.push((decoded(name)?, Field(decoded(value)?)));
    }
    T::deserialize(MapDeserializer::new(fields.into_iter()))
}

/// Writes a query, without its `?`. Empty: nothing in it differs from its default.
#[must_use]
pub fn to_query<T: Serialize>(value: &T) -> String {
    let mut query = String::new();
    let Ok(Value::Object(fields)) = serde_json::to_value(value) else {
        return query;
    };
    for (name, value) in fields {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        if !query.is_empty() {
            query.push('&');
        }
        encode(&name, &mut query);
        query.push('=');
        encode(&value, &mut query);
    }
    query
}

fn encode(text: &str, query: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn decoded(text: &str) -> Result<String, QueryError> {
    let wrong = |reason: &str| QueryError { reason: reason.to_owned() };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let byte = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                byte.ok_or_else(|| wrong("a percent sign is not followed by two hexadecimal digits"))?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is no UTF-8"))
}

/// The text of one field, which becomes what its type wants.
struct Field(String);

impl IntoDeserializer<'_, QueryError> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Field {
    fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, QueryError> {
        let shown: String = self.0.chars().take(40).collect();
        self.0.parse().map_err(|_| QueryError { reason: format!("{shown:?} is {what}") })
    }
}

impl<'de> Deserializer<'de> for Field {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_string(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parse("neither true nor false")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_u64(self.parse("no number")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExplainQuery, JournalQuery, UpdateMode, UpgradeQuery, WaitQuery};

    #[test]
    fn queries_come_back_as_they_were_written() {
        let journal =
            JournalQuery { after: Some(17), last: None, follow: true, of: Some("true & 1+ä%".to_owned()) };
        assert_eq!(to_query(&journal), "after=17&follow=true&of=true%20%26%201%2B%C3%A4%25");
        assert_eq!(from_query::<JournalQuery>(&to_query(&journal)), Ok(journal));
        let upgrade = UpgradeQuery { mode: UpdateMode::Manual, health: Some(5) };
        assert_eq!(from_query::<UpgradeQuery>(&to_query(&upgrade)), Ok(upgrade));
        let explain = ExplainQuery { from: "17".to_owned(), to: "Internet".to_owned(), endpoint: None };
        assert_eq!(from_query::<ExplainQuery>(&to_query(&explain)), Ok(explain));
        assert_eq!(from_query::<WaitQuery>(""), Ok(WaitQuery::default()));
        assert_eq!(to_query(&JournalQuery::default()), "");
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        let error = |query: &str| from_query::<JournalQuery>(query).unwrap_err().to_string();
        for (query, part) in [
            ("after=x", "\"x\" is no number"),
            ("after=-1", "\"-1\" is no number"),
            ("after=1&after=2", "duplicate field `after`"),
            ("follow=yes", "neither true nor false"),
            ("else=1", "unknown field `else`"),
            ("of=%zz", "hexadecimal"),
            ("of=%+1", "hexadecimal"),
            ("of=%ff", "UTF-8"),
        ] {
            assert!(error(query).contains(part), "{query}: {}", error(query));
        }
        assert!(from_query::<ExplainQuery>("from=a").unwrap_err().to_string().contains("`to`"));
        assert!(from_query::<UpgradeQuery>("mode=fast").unwrap_err().to_string().contains("fast"));
    }
}
