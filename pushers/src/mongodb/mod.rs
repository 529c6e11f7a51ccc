//! `mongodb[:addr=A,collection=DB.NAME,freq=S,...]`: the stats document as a document of MongoDB,
//! by the official driver.
//!
//! The driver costs more to compile than the rest of the pushers together, so it is a feature
//! (`mongodb`) that a build can leave out. `options` is there always: a build without the driver
//! refuses the pusher at the start and names the feature.

#[cfg(feature = "mongodb")]
mod encode;
mod options;
#[cfg(feature = "mongodb")]
mod reason;
#[cfg(feature = "mongodb")]
mod transport;

pub(crate) use options::read;
