//! Any bytes as a message of v1 or v2c: no panic, and what was accepted is the same when written
//! anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_snmp::Message;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = Message::decode(data) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
});
