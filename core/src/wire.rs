//! The portal's side of the wire: what goes out as PHP expects it, what comes back in PHP's odd
//! shapes. Nothing beyond this module knows of either.

pub(crate) mod answer;
pub(crate) mod request;
pub(crate) mod rows;

pub(crate) use answer::{Answered, ApiError, BatchAnswer, Class, SubAnswer};
pub(crate) use rows::{Row, Rows};
