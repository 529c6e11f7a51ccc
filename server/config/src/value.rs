//! How the text of a value is read: booleans, numbers, sizes, modes.
//!
//! Pure functions with the C rules: leading digits count, the rest is ignored. Whether a text
//! makes sense is judged elsewhere.

/// True unless the text is one of the four ways to say no.
pub(crate) fn boolean(text: Option<&str>) -> bool {
    let no =
        |text: &str| ["false", "off", "no", "0"].iter().any(|no| text.eq_ignore_ascii_case(no));
    // Trailing text after the word does not turn a "no" into a "yes": `false // comment`.
    !text.is_some_and(|text| no(text) || no(first_word(text)))
}

fn first_word(text: &str) -> &str {
    match text.split_once(|c: char| c.is_ascii_whitespace()) {
        Some((word, rest)) if rest.trim_start().starts_with("//") => word,
        _ => text,
    }
}

/// The leading whole number of `text`, saturating; 0 when there is none, 1 when there is no text.
pub(crate) fn int(text: Option<&str>) -> i64 {
    text.map_or(1, |text| scan(text).0)
}

/// The leading whole number of `text` and how many bytes belong to it.
pub(crate) fn scan(text: &str) -> (i64, usize) {
    let body = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let skipped = text.len() - body.len();
    let (negative, digits) = match body.as_bytes().first() {
        Some(b'-') => (true, &body[1..]),
        Some(b'+') => (false, &body[1..]),
        _ => (false, body),
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return (0, 0);
    }
    let magnitude = digits[..length].parse::<i64>().unwrap_or(i64::MAX);
    let sign_length = body.len() - digits.len();
    (if negative { -magnitude } else { magnitude }, skipped + sign_length + length)
}

/// Whole or decimal MiB, in bytes; garbage and negative numbers are 0.
pub(crate) fn megabytes(text: &str) -> u64 {
    const MIB: u64 = 1 << 20;
    let (whole, length) = scan(text);
    let whole = u64::try_from(whole).unwrap_or(0).saturating_mul(MIB);
    let fraction = text[length..].strip_prefix('.').unwrap_or_default();
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).take(6).collect();
    let numerator = digits.parse::<u64>().unwrap_or(0);
    let scale = 10_u64.pow(u32::try_from(digits.len()).unwrap_or(0));
    whole.saturating_add(numerator * MIB / scale)
}

/// A file mode of three octal digits, or four that start with 0.
pub(crate) fn chmod(text: Option<&str>) -> Result<u32, String> {
    let Some(text) = text.filter(|text| *text != "1" && !text.is_empty()) else {
        return Ok(0o666);
    };
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    let octal = digits.len() == 3 && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let bad = || format!("invalid chmod value: {text}");
    if octal { u32::from_str_radix(digits, 8).map_err(|_| bad()) } else { Err(bad()) }
}
