//! The router between real sockets: scripted clients on one side, a scripted worker on the other.

mod bodies;
mod ends;
mod requests;
mod stage;
