//! Errors as JavaScript throws them.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

/// Returns an `Error` with a `code` for programs and a sentence for users.
pub(crate) fn thrown(code: &str, message: &str) -> JsValue {
    let error = JsValue::from(Error::new(message));
    // Cannot fail: an error object that was just made takes properties.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error
}
