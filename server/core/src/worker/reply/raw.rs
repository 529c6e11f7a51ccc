//! Bytes that pass the response by, and responses that end before their application does.

use uwsgi_abi::{OK, WRITE_ERROR};
use uwsgi_proto::link;

use super::{BodyFraming, Framing, Reply, Stage, Wire};

impl Reply {
    /// Sends bytes as they are, in a frame where the router is the peer.
    pub(crate) fn send_raw(&mut self, wire: &Wire<'_>, data: &[u8]) -> i32 {
        if self.failed.is_some() {
            self.write_errors += 1;
            return WRITE_ERROR;
        }
        if self.ended || data.is_empty() {
            return OK;
        }
        (self.raw, self.stage) = (true, Stage::Body);
        for part in data.chunks(FRAME) {
            self.begin_frame(wire);
            self.out.extend_from_slice(part);
            wire.frames.close(&mut self.out, 0);
            self.raw_bytes += part.len() as u64;
            let sent = self.flush(wire, false);
            if self.result(sent) != OK {
                return WRITE_ERROR;
            }
        }
        OK
    }

    /// The framing of a response that followed raw bytes: what the application says, to the end.
    pub(super) fn after_raw() -> Framing {
        Framing {
            body: BodyFraming::Close,
            keep: false,
            add_length: None,
            add_chunked: false,
            add_connection: None,
        }
    }

    /// Sends what is owed of a response that ends here; nothing where none was begun.
    pub(crate) fn end_early(&mut self, wire: &Wire<'_>) {
        if self.failed.is_some() || self.ended {
            return;
        }
        if let Some(framing) = &mut self.framing {
            framing.keep = false;
        }
        // Only the end of the connection ends it, as after raw bytes; without a head not one leaves.
        self.raw = true;
        if self.sent {
            self.finish_body(wire, false);
        } else {
            self.write(wire, b"", true);
        }
        self.ended = true;
    }
}

/// Bytes that go out as one piece.
const FRAME: usize = 1 << 20;

const _: () = assert!(FRAME < u32::MAX as usize - link::FRAME_LEN, "a frame's length is 32 bits");
