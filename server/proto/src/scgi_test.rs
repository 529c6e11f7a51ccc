use super::*;

const REQUEST: &[u8] = b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,What is the answer to life?";

fn parse_to(input: &[u8], limit: usize) -> Result<Option<Head>, ScgiError> {
    parse(input, limit, &mut VarBlock::new())
}

#[test]
fn the_example_of_the_specification() {
    let mut vars = VarBlock::new();
    let head = parse(REQUEST, 4096, &mut vars).unwrap().unwrap();
    assert_eq!(&REQUEST[head.head_len..], b"What is the answer to life?");
    assert_eq!(vars.len(), 4);
    assert_eq!(vars.known().content_length(), 27);
    assert_eq!(vars.get(b"REQUEST_URI"), Some(&b"/deepthought"[..]));
}

#[test]
fn a_head_is_whole_with_its_comma_and_not_before() {
    for cut in 0..74 {
        assert_eq!(parse_to(&REQUEST[..cut], 4096), Ok(None), "{cut}");
    }
    assert_eq!(parse_to(&REQUEST[..74], 4096), Ok(Some(Head { head_len: 74 })));
}

#[test]
fn what_does_not_fit_is_said_as_soon_as_it_is_known() {
    assert_eq!(parse_to(b"4097", 4096), Err(ScgiError::Oversize(4096)));
    assert_eq!(parse_to(b"70:", 70), Err(ScgiError::Oversize(70)));
    assert_eq!(parse_to(b"00000000000000000000", 4096), Err(ScgiError::Oversize(4096)));
    assert_eq!(
        ScgiError::Oversize(4096).to_string(),
        "invalid SCGI request size (max 4096)...skip"
    );
}

#[test]
fn what_is_no_netstring_of_pairs_is_refused() {
    for input in [
        &b":"[..],
        b"0:,",
        b"GET / HTTP/1.0\r\n",
        b"-1:",
        b"+4:",
        b" 4:",
        b"4:a\0b\0;",
        b"4:a\0bc,",
        b"2:a\0,",
        b"3:abc,",
    ] {
        assert_eq!(parse_to(input, 4096), Err(ScgiError::Malformed), "{input:?}");
    }
    assert_eq!(parse_to(b"3:\0b\0,", 4096), Err(ScgiError::Vars(VarError::NullKey)));
}

#[test]
fn too_many_variables_are_refused() {
    let mut vars = VarBlock::new();
    vars.set_limits(4096, 2);
    let head = b"12:a\x001\0b\x002\0c\x003\0,";
    assert_eq!(parse(head, 4096, &mut vars), Err(ScgiError::Vars(VarError::TooMany)));
}

#[test]
fn values_may_be_empty() {
    let mut vars = VarBlock::new();
    parse(b"14:QUERY_STRING\0\0,", 4096, &mut vars).unwrap().unwrap();
    assert_eq!(vars.get(b"QUERY_STRING"), Some(&b""[..]));
}
