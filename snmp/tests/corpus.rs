//! Every committed seed of the fuzz targets runs through its parser in an ordinary test run.

use std::io;
use std::path::Path;

use uwsgi_snmp::Message;

#[test]
fn seeds_of_messages_are_read_or_refused() -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/message");
    let (mut read, mut refused) = (0, 0);
    for entry in std::fs::read_dir(dir)? {
        match Message::decode(&std::fs::read(entry?.path())?) {
            Ok(message) => {
                assert_eq!(Message::decode(&message.encode()), Ok(message));
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read >= 4 && refused >= 2, "{read} read, {refused} refused");
    Ok(())
}
