//! What pages share: plain data in, a view out.

mod avatar;
mod loaded;
mod microsoft;
mod problem;

pub use avatar::Avatar;
pub use loaded::{Load, loaded};
pub use microsoft::MicrosoftButton;
pub use problem::{ProblemView, Refusal, action};
