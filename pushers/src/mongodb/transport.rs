//! The driver: one client, made with the first push, that keeps its connection, finds the primary
//! and logs in by itself.

use std::time::Duration;

use mongodb::bson::Document;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ConnectionString, TimeseriesOptions, WriteConcern};
use mongodb::{Client, Collection};
use tokio::time::timeout;
use uwsgi_net::Failure;

use super::encode::Encode;
use super::options::Mongodb;
use super::reason::reason;
use crate::instance::{Fan, Instance, Receiver, Sending, Transport};
use crate::lane::{Policy, Retry};
use crate::{Plan, Work};

/// The collection is there already.
const NAMESPACE_EXISTS: i32 = 48;

/// Whether the driver takes this address.
pub(super) fn check(uri: &str) -> Result<(), String> {
    if uri.starts_with("mongodb+srv:") {
        return Err("mongodb+srv is not supported, name the hosts".to_owned());
    }
    ConnectionString::parse(uri).map(|_| ()).map_err(|e| reason(&e))
}

impl Plan for Mongodb {
    fn kind(&self) -> &'static str {
        "mongodb"
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.to_string()]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Box::new(Inserts {
            uri: self.uri.clone(),
            shown: self.to_string(),
            database: self.database.clone(),
            collection: self.collection.clone(),
            timeseries: self.timeseries,
            timeout: self.timeout,
            ready: None,
        });
        // Only what ends the attempt from within has the line of the original.
        let deadline = patience(self.timeout) + Duration::from_secs(1);
        let policy = Policy { pushes: 2, bytes: 64 << 20, retry: Retry::Never, deadline };
        let host = self.meta.then(|| self.hostname.clone());
        let encoder = Encode { dots: self.dots.clone(), host };
        Box::new(Fan::start("mongodb", encoder, vec![Receiver { transport, policy }], work))
    }
}

/// See the module.
struct Inserts {
    uri: String,
    shown: String,
    database: String,
    collection: String,
    timeseries: bool,
    timeout: Duration,
    ready: Option<Ready>,
}

/// A client, and whether the collection was made.
struct Ready {
    into: Collection<Document>,
    client: Client,
    made: bool,
}

impl Inserts {
    async fn client(&self) -> Result<Ready, Error> {
        let mut options = ClientOptions::parse(&self.uri).await?;
        options.app_name.get_or_insert_with(|| "uwsgi".to_owned());
        options.connect_timeout.get_or_insert(self.timeout);
        options.server_selection_timeout.get_or_insert(self.timeout);
        options.max_pool_size.get_or_insert(1);
        options.write_concern.get_or_insert_with(|| WriteConcern::nodes(1));
        let client = Client::with_options(options)?;
        let into = client.database(&self.database).collection(&self.collection);
        Ok(Ready { into, client, made: !self.timeseries })
    }

    async fn insert(&mut self, document: &Document) -> Result<(), Error> {
        if self.ready.is_none() {
            self.ready = Some(self.client().await?);
        }
        let Some(ready) = &mut self.ready else { return Ok(()) };
        if !ready.made {
            let mut series = TimeseriesOptions::builder().time_field("ts").build();
            series.meta_field = Some("host".to_owned());
            let database = ready.client.database(&self.database);
            match database.create_collection(&self.collection).timeseries(series).await {
                Ok(()) => {}
                Err(e) if code(&e) == Some(NAMESPACE_EXISTS) => {}
                Err(e) => return Err(e),
            }
            ready.made = true;
        }
        ready.into.insert_one(document).await.map(|_| ())
    }
}

impl Transport<Document> for Inserts {
    fn send<'a>(&'a mut self, document: &'a Document) -> Sending<'a> {
        Box::pin(async move {
            let patience = patience(self.timeout);
            // An insert that is given up takes its connection along: the driver keeps none in the
            // middle of a command.
            let why = match timeout(patience, self.insert(document)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(e)) => reason(&e),
                Err(_) => format!("no answer within {} s", patience.as_secs_f64()),
            };
            let shown = &self.shown;
            Err(Failure::passing(format!("[stats-pusher-mongodb] ERROR({shown}): {why}")))
        })
    }
}

/// The driver looks for a server for one timeout, and then connects, logs in and inserts.
fn patience(timeout: Duration) -> Duration {
    timeout * 2
}

fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(refused) => Some(refused.code),
        _ => None,
    }
}
