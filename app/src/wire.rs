//! JSON between server and browser. The server writes it with serde; the browser reads it with the parser that it
//! has, which spares the WASM serde's: an eighth of a page.

use leptos::{
    server::codee::{Decoder, Encoder},
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post},
    wasm_bindgen::JsValue,
    web_sys::js_sys::{Array, JSON, Reflect},
};
use serde::Serialize;

/// The encoding of the server functions' answers and of the data that a page is sent with.
pub struct Json;

/// The answers' codec, for `#[server(output = …)]`.
pub type Answer = Post<Json>;

/// Reads a value from parsed JSON; nothing where it has another shape.
pub trait FromJson: Sized {
    /// The value.
    fn from_json(json: &JsValue) -> Option<Self>;
}

/// What is wrong with an answer that can't be read.
const UNREADABLE: &str = "not the JSON that was expected";

fn parse<T: FromJson>(text: &str) -> Result<T, &'static str> {
    let json = JSON::parse(text).map_err(|_| UNREADABLE)?;
    T::from_json(&json).ok_or(UNREADABLE)
}

/// A field of a JSON object; `undefined` where it is missing.
pub fn field<T: FromJson>(json: &JsValue, name: &str) -> Option<T> {
    T::from_json(&Reflect::get(json, &name.into()).ok()?)
}

impl FromJson for JsValue {
    fn from_json(json: &JsValue) -> Option<Self> {
        Some(json.clone())
    }
}

impl FromJson for String {
    fn from_json(json: &JsValue) -> Option<Self> {
        json.as_string()
    }
}

impl FromJson for bool {
    fn from_json(json: &JsValue) -> Option<Self> {
        json.as_bool()
    }
}

impl FromJson for u32 {
    fn from_json(json: &JsValue) -> Option<Self> {
        // Saturates; nothing that is sent is negative or has a fraction.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        json.as_f64().map(|number| number as u32)
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &JsValue) -> Option<Self> {
        if json.is_null() || json.is_undefined() {
            return Some(None);
        }
        T::from_json(json).map(Some)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &JsValue) -> Option<Self> {
        Array::from(json)
            .iter()
            .map(|item| T::from_json(&item))
            .collect()
    }
}

impl<T: FromJson, E: FromJson> FromJson for Result<T, E> {
    fn from_json(json: &JsValue) -> Option<Self> {
        match field(json, "Ok") {
            Some(value) => Some(Ok(value)),
            None => field(json, "Err").map(Err),
        }
    }
}

/// Reads a struct by its fields' names, or an enum of plain words by serde's names of them.
macro_rules! from_json {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::wire::FromJson for $name {
            fn from_json(json: &leptos::wasm_bindgen::JsValue) -> Option<Self> {
                Some(Self { $($field: $crate::wire::field(json, stringify!($field))?),+ })
            }
        }
    };
    ($name:ident { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::wire::FromJson for $name {
            fn from_json(json: &leptos::wasm_bindgen::JsValue) -> Option<Self> {
                match json.as_string()?.as_str() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use from_json;

impl ContentType for Json {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Json {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Json {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: FromJson> Decodes<T> for Json {
    type Error = &'static str;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        parse(std::str::from_utf8(&bytes).map_err(|_| UNREADABLE)?)
    }
}

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: FromJson> Decoder<T> for Json {
    type Error = &'static str;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        parse(text)
    }
}
