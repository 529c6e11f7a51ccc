//! Every committed seed of the fuzz targets runs through its parser in an ordinary test run.

use std::io;
use std::path::Path;

use super::support::{agent, ask, assert_alive};
use uwsgi_snmp::{Message, Verdict};

fn seeds(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    std::fs::read_dir(dir)?.map(|entry| std::fs::read(entry?.path())).collect()
}

#[test]
fn seeds_of_the_agent_leave_it_alive() -> io::Result<()> {
    let mut agent = agent(&["ann"]);
    let mut reports = 0;
    for seed in seeds("agent")? {
        let outcome = ask(&mut agent, &seed, 1);
        reports += u32::from(outcome.verdict == Verdict::Unauthentic && outcome.answer.is_some());
        assert_alive(&mut agent);
    }
    assert!(reports > 0, "one of them is a discovery");
    Ok(())
}

#[test]
fn seeds_of_messages_are_read_or_refused() -> io::Result<()> {
    let (mut read, mut refused) = (0, 0);
    for seed in seeds("message")? {
        match Message::decode(&seed) {
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
