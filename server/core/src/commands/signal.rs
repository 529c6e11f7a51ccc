//! `signal = address,number`: raises a numbered signal of another instance.
//!
//! One packet of modifier 110 with the number as second modifier; the answer is one packet whose
//! second modifier says whether it was taken.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::dial::dial;
use crate::{log, signals};

/// How long each step of the exchange may take.
const LIMIT: Duration = Duration::from_secs(4);

/// Sends it; the answer is the exit code.
pub(crate) fn signal(text: &str) -> i32 {
    let Some((node, number)) = text.rsplit_once(',') else {
        log!("invalid syntax for signal, must be addr,signal");
        return 1;
    };
    let Ok(number) = number.trim().parse::<u8>() else {
        log!("invalid signal number");
        return 3;
    };
    match exchange(node, number) {
        Ok(true) => {
            log!("signal {number} delivered to node {node}");
            0
        }
        Ok(false) => {
            log!("node {node} rejected signal {number}");
            2
        }
        Err(_) => {
            log!("unable to deliver signal {number} to node {node}");
            1
        }
    }
}

/// Asks a node to raise a signal; whether it took it.
pub(crate) fn exchange(node: &str, number: u8) -> io::Result<bool> {
    let mut stream = dial(node, Some(LIMIT))?;
    stream.write_all(&[signals::MODIFIER, 0, 0, number])?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    Ok(answer[3] != 0)
}
