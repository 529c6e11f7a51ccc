//! Properties over simulated load, and the courses that the original was seen to take.

mod accepted;
mod invariants;
mod parsing;
mod rig;
mod settling;
