//! Whole responses for requests that never reach an application.

macro_rules! responses {
    ($($status:literal $reason:literal $length:literal,)+) => {
        /// A complete response with a text body that closes the connection; 500 for a status
        /// that is not in the table.
        pub fn error_response(status: u16) -> &'static [u8] {
            match status {
                $($status => concat!(
                    "HTTP/1.1 ", $status, " ", $reason, "\r\nConnection: close\r\nContent-Length: ",
                    $length, "\r\nContent-Type: text/plain\r\n\r\n", $reason
                ).as_bytes(),)+
                _ => error_response(500),
            }
        }

        #[cfg(test)]
        const TABLE: &[(u16, &str, usize)] = &[$(($status, $reason, $length),)+];
    };
}

responses! {
    400 "Bad Request" 11,
    408 "Request Timeout" 15,
    411 "Length Required" 15,
    413 "Request Entity Too Large" 24,
    414 "Request-URI Too Long" 20,
    417 "Expectation Failed" 18,
    431 "Request Header Fields Too Large" 31,
    500 "Internal Server Error" 21,
    501 "Not Implemented" 15,
    502 "Bad Gateway" 11,
    503 "Service Unavailable" 19,
    504 "Gateway Timeout" 15,
    505 "HTTP Version Not Supported" 26,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::reason;

    #[test]
    fn lengths_and_phrases_are_true() {
        for (status, phrase, length) in TABLE {
            assert_eq!(phrase.len(), *length, "{status}");
            assert_eq!(*phrase, reason(*status));
        }
        assert!(error_response(599).starts_with(b"HTTP/1.1 500 "));
    }
}
