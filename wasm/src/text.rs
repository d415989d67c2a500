//! A value of the core as JSON text, which `JSON.parse` makes an object of on the other side: less code than making
//! it field by field, and one crossing in place of many.

use std::fmt;

use serde::ser::{
    Impossible, Serialize, SerializeSeq, SerializeStruct, SerializeStructVariant, Serializer,
};

/// The value as JSON.
///
/// # Errors
/// A value of a kind that the boundary's types do not have: floating-point and negative numbers, bytes, tuples, maps.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, fmt::Error> {
    let mut text = Text(String::new());
    value.serialize(&mut text)?;
    Ok(text.0)
}

struct Text(String);

impl Text {
    fn quote(&mut self, words: &str) {
        self.0.push('"');
        for letter in words.chars() {
            if letter < ' ' {
                self.0.push_str("\\u00");
                let code = u32::from(letter);
                self.0.extend(
                    [code / 16, code % 16].map(|digit| char::from_digit(digit, 16).unwrap_or('0')),
                );
            } else {
                if letter == '"' || letter == '\\' {
                    self.0.push('\\');
                }
                self.0.push(letter);
            }
        }
        self.0.push('"');
    }

    /// Opens what holds others; `end` closes it.
    fn open(&mut self, start: char, end: &'static str) -> Inner<'_> {
        self.0.push(start);
        Inner { text: self, empty: true, end }
    }

    fn variant(&mut self, name: &str) {
        self.0.push('{');
        self.quote(name);
        self.0.push(':');
    }
}

/// A list or an object that is being written.
struct Inner<'a> {
    text: &'a mut Text,
    empty: bool,
    end: &'static str,
}

impl Inner<'_> {
    fn next(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.text.0.push(',');
        }
    }

    fn name(&mut self, name: &str) {
        self.next();
        self.text.quote(name);
        self.text.0.push(':');
    }

    fn close(self) {
        self.text.0.push_str(self.end);
    }
}

type Done = Result<(), fmt::Error>;
type None = Impossible<(), fmt::Error>;

impl<'a> Serializer for &'a mut Text {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Inner<'a>;
    type SerializeTuple = None;
    type SerializeTupleStruct = None;
    type SerializeTupleVariant = None;
    type SerializeMap = None;
    type SerializeStruct = Inner<'a>;
    type SerializeStructVariant = Inner<'a>;

    fn serialize_bool(self, value: bool) -> Done {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, _: i8) -> Done {
        Err(fmt::Error)
    }

    fn serialize_i16(self, _: i16) -> Done {
        Err(fmt::Error)
    }

    fn serialize_i32(self, _: i32) -> Done {
        Err(fmt::Error)
    }

    fn serialize_i64(self, _: i64) -> Done {
        Err(fmt::Error)
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Done {
        Err(fmt::Error)
    }

    fn serialize_f64(self, _: f64) -> Done {
        Err(fmt::Error)
    }

    fn serialize_char(self, _: char) -> Done {
        Err(fmt::Error)
    }

    fn serialize_str(self, value: &str) -> Done {
        self.quote(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Done {
        Err(fmt::Error)
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.0.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.0.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inner<'a>, fmt::Error> {
        Ok(self.open('[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<None, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<None, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<None, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<None, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inner<'a>, fmt::Error> {
        Ok(self.open('{', "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inner<'a>, fmt::Error> {
        self.variant(variant);
        Ok(self.open('{', "}}"))
    }
}

impl SerializeSeq for Inner<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.next();
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Inner<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        self.name(name);
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.close();
        Ok(())
    }
}

impl SerializeStructVariant for Inner<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Done {
        SerializeStruct::end(self)
    }
}
