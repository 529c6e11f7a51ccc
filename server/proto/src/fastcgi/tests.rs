use super::*;
use crate::VarBlock;

fn record(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let length = content.len() as u16;
    let mut out = Record { kind, id, length, padding }.encode().to_vec();
    out.extend(content);
    out.extend(vec![0xee; padding.into()]);
    out
}

fn begin(id: u16, flags: u8) -> Vec<u8> {
    record(kind::BEGIN_REQUEST, id, &[0, 1, flags, 0, 0, 0, 0, 0], 0)
}

fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |n: usize| match u8::try_from(n) {
        Ok(n) if n < 128 => vec![n],
        _ => (n as u32 | 1 << 31).to_be_bytes().to_vec(),
    };
    [length(name.len()), length(value.len()), name.to_vec(), value.to_vec()].concat()
}

fn see(input: &[u8]) -> Result<(Look, VarBlock), FastcgiError> {
    let mut vars = VarBlock::new();
    vars.set_limits(1 << 17, 1000);
    let look = look(&mut Scan::default(), input, 4096, &mut vars)?;
    Ok((look, vars))
}

/// A request with `params` in records of `piece` bytes.
fn request(params: &[u8], piece: usize, padding: u8) -> Vec<u8> {
    let pieces = params.chunks(piece).flat_map(|piece| record(kind::PARAMS, 7, piece, padding));
    [begin(7, 1), pieces.collect(), record(kind::PARAMS, 7, b"", 0)].concat()
}

#[test]
fn variables_are_the_same_however_the_client_cuts_them() {
    let long = vec![b'x'; 300];
    let params =
        [pair(b"REQUEST_METHOD", b"POST"), pair(b"EMPTY", b""), pair(b"LONG", &long)].concat();
    for piece in 1..params.len() + 1 {
        let input = request(&params, piece, (piece % 9) as u8);
        let (Look::Ready(head, others), vars) = see(&input).unwrap() else { panic!("{piece}") };
        assert_eq!((head.head_len, head.id, head.keep), (input.len(), 7, true));
        assert!(others.is_empty());
        assert_eq!(vars.len(), 3);
        assert_eq!(vars.get(b"LONG"), Some(&long[..]));
        assert_eq!(vars.get(b"EMPTY"), Some(&b""[..]));
    }
}

#[test]
fn a_head_is_ready_when_its_last_byte_is_there() {
    let input = request(&pair(b"A", b"b"), 2, 3);
    for cut in 0..input.len() {
        assert_eq!(see(&input[..cut]).unwrap().0, Look::More, "{cut}");
    }
}

#[test]
fn no_record_of_a_head_that_trickles_is_read_twice() {
    let long = vec![b'x'; 300];
    let input = request(&[pair(b"A", b"b"), pair(b"LONG", &long)].concat(), 1, 1);
    let (mut scan, mut vars) = (Scan::default(), VarBlock::new());
    for cut in 0..input.len() {
        assert_eq!(look(&mut scan, &input[..cut], 4096, &mut vars), Ok(Look::More), "{cut}");
    }
    let Ok(Look::Ready(head, _)) = look(&mut scan, &input, 4096, &mut vars) else { panic!() };
    assert_eq!((head.head_len, vars.get(b"LONG")), (input.len(), Some(&long[..])));
    // All but the empty one at the end, which may be asked about again.
    let records = 1 + 3 + 1 + 1 + 4 + 4 + 300 - 4 - 4;
    assert!(scan.taken < records + 20 && scan.taken > 300, "{} records", scan.taken);
}

#[test]
fn the_first_record_of_the_body_ends_the_head_as_well() {
    let head = [begin(1, 0), record(kind::PARAMS, 1, &pair(b"A", b"b"), 0)].concat();
    let input = [head.clone(), record(kind::STDIN, 1, b"xyz", 0)].concat();
    let (Look::Ready(found, _), _) = see(&input).unwrap() else { panic!("not ready") };
    assert_eq!((found.head_len, found.keep), (head.len(), false));
}

#[test]
fn what_is_no_request_is_refused() {
    let own = |kind, content: &[u8]| [begin(1, 0), record(kind, 1, content, 0)].concat();
    assert_eq!(see(b"GET / HTTP/1.0\r\n\r\n").err(), Some(FastcgiError::Version(b'G')));
    assert_eq!(see(&record(kind::BEGIN_REQUEST, 1, b"", 0)).err(), Some(FastcgiError::NoRequest));
    let reads = |content: &[u8]| {
        see(&[own(kind::PARAMS, content), record(kind::PARAMS, 1, b"", 0)].concat()).err()
    };
    assert_eq!(reads(b"\x05\x05ab"), Some(FastcgiError::Overrun));
    assert_eq!(reads(b"\xff\xff\xff\xff\x01a"), Some(FastcgiError::Overrun));
    assert_eq!(reads(b"\x80"), Some(FastcgiError::Overrun));
    assert_eq!(reads(b"\x00\x01a"), Some(FastcgiError::Vars(VarError::NullKey)));
    let long = pair(b"A", &[b'x'; 5000]);
    assert_eq!(reads(&long), Some(FastcgiError::Oversize(4096)));
}

#[test]
fn records_that_mean_nothing_do_not_fill_the_memory() {
    let noise = record(8, 1, &[0; 60_000], 0);
    let mut input = begin(1, 0);
    let refused = (0..10).find_map(|_| {
        input.extend(&noise);
        see(&input).err()
    });
    assert_eq!(refused, Some(FastcgiError::Oversize(4096)));
}

#[test]
fn a_second_request_on_the_connection_is_told_that_it_cannot_be() {
    let params = record(kind::PARAMS, 1, b"", 0);
    let input = [begin(1, 1), begin(2, 1), record(kind::PARAMS, 2, b"junk", 0), params].concat();
    let (Look::Ready(head, others), vars) = see(&input).unwrap() else { panic!("not ready") };
    assert_eq!((head.id, vars.len()), (1, 0));
    assert_eq!(others, reply::end(2, 0, reply::CANNOT_MULTIPLEX));
}

#[test]
fn a_request_may_be_given_up_at_any_time() {
    let gone = [begin(3, 1), record(kind::ABORT_REQUEST, 3, b"", 0)].concat();
    let over = Look::Over { used: gone.len(), aborted: Some((3, true)) };
    assert_eq!(see(&gone).unwrap().0, over);
    let late = record(kind::ABORT_REQUEST, 3, b"", 2);
    assert_eq!(see(&late).unwrap().0, Look::Over { used: 10, aborted: None });
    let mut body = Stdin::new(3);
    assert_eq!(body.next(&record(kind::ABORT_REQUEST, 3, b"", 0), 0), Err(FastcgiError::Aborted));
}

#[test]
fn questions_to_the_server_are_answered() {
    let names =
        [pair(b"FCGI_MPXS_CONNS", b""), pair(b"FCGI_MAX_CONNS", b""), pair(b"OTHER", b"")].concat();
    let input = record(kind::GET_VALUES, 0, &names, 5);
    let (Look::Asked { used, kind, content }, _) = see(&input).unwrap() else {
        panic!("not asked")
    };
    assert_eq!(used, input.len());
    let told = [pair(b"FCGI_MAX_CONNS", b"12"), pair(b"FCGI_MPXS_CONNS", b"0")].concat();
    let answer = reply::management(kind, &input[content], 12);
    assert_eq!(answer, record(kind::GET_VALUES_RESULT, 0, &told, 0));

    let strange = record(99, 0, b"?", 0);
    let (Look::Asked { kind, content, .. }, _) = see(&strange).unwrap() else {
        panic!("not asked")
    };
    let answer = reply::management(kind, &strange[content], 1);
    assert_eq!(answer, record(kind::UNKNOWN_TYPE, 0, &[99, 0, 0, 0, 0, 0, 0, 0], 0));
}

#[test]
fn the_end_of_an_answer_is_24_bytes() {
    let wanted = [
        &[1, 6, 0x12, 0x34, 0, 0, 0, 0][..],
        &[1, 3, 0x12, 0x34, 0, 8, 0, 0],
        &[0, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(reply::finish(0x1234)[..], wanted.concat());
    assert_eq!(reply::stdout(1, 70_000), [1, 6, 0, 1, 0xff, 0xff, 0, 0]);
}

#[test]
fn a_body_is_whole_however_it_arrives() {
    let wire = [
        record(kind::STDIN, 7, b"hello", 3),
        begin(9, 0),
        record(kind::STDIN, 9, b"not ours", 1),
        record(kind::STDIN, 7, b" world", 0),
        record(kind::STDIN, 7, b"", 4),
        b"NEXT".to_vec(),
    ]
    .concat();
    for piece in 1..wire.len() + 1 {
        let (mut body, mut got, mut others) = (Stdin::new(7), Vec::new(), Vec::new());
        let mut left = 0;
        for (number, input) in wire.chunks(piece).enumerate() {
            let mut at = 0;
            loop {
                match body.next(input, at).unwrap() {
                    Step::More => break,
                    Step::Data(range) => {
                        at = range.end;
                        got.extend(&input[range]);
                    }
                    Step::End(used) => {
                        left = number * piece + used;
                        break;
                    }
                }
            }
            others.extend(body.others());
            if left > 0 {
                break;
            }
        }
        assert_eq!((&got[..], &wire[left..]), (&b"hello world"[..], &b"NEXT"[..]), "{piece}");
        assert_eq!(others, [9]);
    }
}
