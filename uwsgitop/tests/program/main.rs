//! The binary as a user runs it, against stats servers of the tests' own. The modules are marked
//! as tests, so that helpers may unwrap as test functions do.

#[cfg(test)]
mod once;
#[cfg(test)]
mod record;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod terminal;
