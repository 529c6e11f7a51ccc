//! What an application asks about its running request, beyond reading and answering it.

use uwsgi_abi::OK;
use uwsgi_abi::running::{CHUNK_NOW, Deed, NoChunk};

use super::Live;
use crate::log;
use crate::policy::{HeaderRules, milliseconds};
use crate::settings::Protocol;
use crate::worker::io;

impl Live<'_> {
    pub(super) fn do_deed(&mut self, deed: Deed, key: &[u8], value: &[u8]) -> Option<&[u8]> {
        match deed {
            Deed::SetLogvar => self.notes.set_logvar(key, value),
            Deed::Logvar => return self.notes.logvar(key),
            Deed::LogAlways => self.notes.log_always = true,
            Deed::Disconnect => self.disconnect(),
            Deed::AddVar => {
                let room = self.instance.settings.buffer_size;
                let room = room.saturating_sub(self.vars.as_bytes().len());
                return self.notes.add_var(key, value, room).then_some(b"");
            }
        }
        Some(b"")
    }

    /// Sets a head from which rules take headers; those that are added later stay.
    pub(super) fn filtered_head(
        &mut self,
        rules: &HeaderRules,
        status: &[u8],
        headers: &mut dyn Iterator<Item = (&[u8], &[u8])>,
    ) -> i32 {
        let (notes, room) = (&mut *self.notes, self.instance.settings.buffer_size);
        let mut keep = |variable: &[u8], value: &[u8]| {
            if !notes.add_var(variable, value, room) {
                log!(
                    "not enough buffer space to add a collected header, consider increasing it with the --buffer-size option"
                );
            }
        };
        let headers = headers.filter(|(name, value)| rules.pass(name, value, &mut keep));
        self.reply.set_head(&self.wire, status, headers)
    }

    /// The response ends here, and with it the connection. The router hears that this one is
    /// complete and lets its client go.
    fn disconnect(&mut self) {
        self.notes.disconnected = true;
        self.note_body();
        self.reply.end_early(&self.wire);
        if !self.wire.frames.is_link() {
            io::end(self.wire.fd);
        }
    }

    pub(super) fn next_chunk(&mut self, seconds: i64) -> Result<&[u8], NoChunk> {
        self.invite_body();
        self.begin_chunks();
        let options = &self.instance.settings.policy.requests;
        let wait_ms = match seconds {
            CHUNK_NOW => 0,
            0 => options.chunk_timeout_ms,
            n if n < 0 => i32::MAX,
            n => milliseconds(n),
        };
        if std::mem::take(&mut self.notes.chunk_taken) {
            self.notes.chunk.clear();
        }
        self.body.chunk(self.wire.fd, wait_ms, options.chunk_limit, &mut self.notes.chunk)?;
        self.notes.chunk_taken = true;
        Ok(&self.notes.chunk)
    }

    /// Front servers that speak no HTTP announce no chunks: their body is one if it is asked for.
    fn begin_chunks(&mut self) {
        let first = !std::mem::replace(&mut self.notes.chunking, true);
        let http = matches!(self.protocol, Protocol::Http | Protocol::Http11 | Protocol::Link);
        if first && !http {
            self.body.assume_chunked();
        }
    }

    pub(super) fn send_raw(&mut self, data: &[u8]) -> i32 {
        if self.notes.disconnected {
            return OK;
        }
        self.notes.raw = true;
        let result = self.reply.send_raw(&self.wire, data);
        self.tolerate(result)
    }
}
