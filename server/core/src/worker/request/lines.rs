//! What a request leaves in the log. Part of the request.

use uwsgi_duties::recycle::{Accounting, Limits, Memory};
use uwsgi_sys::procfs;

use super::{Core, NO_APP, Outcome, REFUSED};
use crate::transport;
use crate::waits::Waits;
use crate::worker::conn::Conn;
use crate::worker::ids::{self, Ids};
use crate::worker::mounts::KEY_OF_HOST;
use crate::worker::reqlog::{self, Finished};
use crate::worker::traffic::Traffic;
use crate::worker::wire::Meta;

/// How old the shares of memory may be by which a worker is judged: measuring walks over all
/// mappings.
const SHARES_US: u64 = 500_000;
/// Stands in the log for what got no status, and is counted so.
const FAILED: u16 = 500;

impl Core {
    pub(super) fn log_request(
        &mut self,
        conn: &Conn,
        meta: &Meta,
        outcome: &Outcome,
        read_errors: u64,
    ) {
        let settings = &self.instance.settings;
        if reqlog::is_silent(&settings.request_log) && !self.notes.log_always {
            return;
        }
        let arena = &self.instance.arena;
        let (added, added_bytes) = self.notes.added();
        let mut finished = Finished {
            vars: &self.vars,
            pid: self.pid,
            worker: self.worker,
            core: self.id,
            app: outcome.app,
            app_requests: -1,
            total_requests: 0,
            peer: &conn.peer,
            refused: outcome.app == REFUSED,
            packet_size: meta.packet_size + added_bytes,
            start_us: outcome.start_epoch,
            duration_us: outcome.duration_us,
            status: self.reply.said_status(),
            headers: self.reply.said_headers(),
            head_bytes: self.reply.own_head_bytes,
            body_bytes: self.reply.body_bytes,
            switches: self.reply.switches,
            write_errors: self.reply.write_errors,
            read_errors,
            modifiers: meta.modifiers,
            memory: None,
            shares: None,
            sendfile: outcome.sendfile,
            waits: None,
            accept_us: super::accept_us(conn, meta),
            request_id: self.ids.as_ref().map_or(b"", Ids::current),
            pairs: self.pairs_sent() + added,
            given: if outcome.app == REFUSED { &[] } else { &self.pairs },
            notes: &self.notes,
            numbers: settings.metrics.then(|| arena.view()),
        };
        if finished.status == 0 && outcome.app != NO_APP {
            finished.status = FAILED;
        }
        if settings.policy.requests.vhost.is_some()
            && self.vars.known().app_id().is_empty()
            && outcome.app != REFUSED
        {
            // The key by which its app was found is a variable like those it came with.
            let size = KEY_OF_HOST.len() + self.app_key.len() + size_of::<[u16; 2]>();
            finished.packet_size += size;
            finished.pairs += 1;
        }
        finished.app = finished.app.max(NO_APP);
        if !reqlog::wanted(&settings.request_log, &finished) {
            return;
        }
        if let Ok(app) = u32::try_from(outcome.app) {
            finished.app_requests = arena.app(self.worker, app).requests.get() as i64;
        }
        finished.total_requests = (1..=settings.processes).map(|w| arena.requests(w)).sum();
        if settings.request_log.memory > 0 || settings.request_log.shows_memory {
            [finished.memory, finished.shares] = self.measure_memory();
        }
        if let (Some(live), Some(thread)) = (self.instance.probes, &self.thread) {
            finished.waits = Waits::of(live, thread.waited());
        }
        self.line.clear();
        let (dates, room) = (&mut self.dates, &mut self.message);
        reqlog::render(&settings.request_log, &finished, dates, room, &mut self.line);
        transport::say(&self.line);
    }

    /// Variables that came with the request.
    fn pairs_sent(&self) -> usize {
        let has_id = self.ids.as_ref().is_some_and(|ids| !ids.current().is_empty());
        let last = self.vars.len().wrapping_sub(1);
        self.vars.len() - usize::from(has_id && self.vars.key_at(last) == ids::VARIABLE)
    }

    /// The sizes of this process, for the limits; what the log line of this request has measured is
    /// not measured again. Shares are dear, so only a process is asked for them whose resident size
    /// is as large as a limit of its shares, and they may be as old as [`SHARES_US`].
    pub(crate) fn sizes(&mut self, limits: &Limits) -> Memory {
        let row = self.instance.arena.worker(self.worker);
        let (what, measured) = (limits.accounting(), self.measured.take());
        if what >= Accounting::Plain && !measured {
            let usage = procfs::usage(self.pid).unwrap_or_default();
            row.rss.set(usage.rss);
            row.vsz.set(usage.vsz);
        }
        let now = self.clock.now_us();
        let large = |limit: u64| limit > 0 && row.rss.get() >= limit;
        if (large(limits.uss) || large(limits.pss)) && now >= self.shares_due_us {
            let shares = procfs::shares(self.pid).unwrap_or_default();
            row.uss.set(shares.uss);
            row.pss.set(shares.pss);
            self.shares_due_us = now + SHARES_US;
        }
        Memory {
            address_space: row.vsz.get(),
            rss: row.rss.get(),
            uss: row.uss.get(),
            pss: row.pss.get(),
        }
    }

    /// What this process holds now, for the log line and for the arena.
    fn measure_memory(&self) -> [Option<(u64, u64)>; 2] {
        let row = self.instance.arena.worker(self.worker);
        let usage = procfs::usage(self.pid).unwrap_or_default();
        self.measured.set(true);
        row.rss.set(usage.rss);
        row.vsz.set(usage.vsz);
        let wanted = self.instance.settings.memory_shares;
        let shares = wanted.then(|| procfs::shares(self.pid).unwrap_or_default());
        if let Some(shares) = &shares {
            row.uss.set(shares.uss);
            row.pss.set(shares.pss);
        }
        [Some((usage.vsz, usage.rss)), shares.map(|s| (s.uss, s.pss))]
    }

    /// A request that was refused while its variables were read: counted and logged with the variables
    /// read so far, as what its client was `told`, or as a failure where that could be told nothing.
    pub(crate) fn log_refused(&mut self, conn: &Conn, packet_size: usize, told: Option<u16>) {
        let status = told.unwrap_or(FAILED);
        self.reply.reset();
        self.reply.refused(told);
        self.notes.reset();
        if let Some(ids) = &mut self.ids {
            ids.clear();
        }
        self.row.requests.add(1);
        self.row.count_response(status);
        Traffic::of(self.instance, self.worker, conn.listener).answered(status);
        let start_epoch = self.clock.epoch_us(self.clock.now_us());
        let (app, duration_us) = (REFUSED, 0);
        let outcome =
            Outcome { app, sendfile: false, duration_us, received: 0, start_epoch, logged: true };
        let meta = Meta { packet_size, ..Meta::default() };
        self.log_request(conn, &meta, &outcome, 0);
    }
}
