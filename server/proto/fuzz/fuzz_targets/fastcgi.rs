//! Any bytes to a FastCGI socket: heads and what comes before them, then the body behind one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::VarBlock;
use uwsgi_proto::fastcgi::{Look, Scan, Stdin, Step, look, reply};

fuzz_target!(|data: &[u8]| {
    let (mut vars, mut at) = (VarBlock::new(), 0);
    loop {
        match look(&mut Scan::default(), &data[at..], 4096, &mut vars) {
            Ok(Look::Over { used, .. }) => {
                assert!(used > 0);
                at += used;
            }
            Ok(Look::Asked { used, kind, content }) => {
                let answer = reply::management(kind, &data[at..][content], 4);
                assert!(used > 0 && answer.len() < 256);
                at += used;
            }
            Ok(Look::Ready(head, _)) => {
                at += head.head_len;
                let mut body = Stdin::new(head.id);
                loop {
                    match body.next(data, at) {
                        Ok(Step::Data(range)) => {
                            assert!(range.start >= at && !range.is_empty());
                            at = range.end;
                        }
                        Ok(Step::End(end)) => {
                            at = end;
                            break;
                        }
                        Ok(Step::More) | Err(_) => return,
                    }
                }
            }
            Ok(Look::More) | Err(_) => return,
        }
    }
});
