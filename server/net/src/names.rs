//! Names to addresses. The resolver of the system is asked in a thread, because it may be silent
//! for a long time; however often a name is asked for meanwhile, that costs one thread.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

type Place = (String, u16);

/// What the resolver said; errors as kind and text, because several may hear of one.
type Answer = Result<Vec<SocketAddr>, (io::ErrorKind, String)>;

/// Questions under way, with a way to hear of the answer.
type UnderWay = BTreeMap<Place, watch::Receiver<Option<Answer>>>;

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(BTreeMap::new());

/// The addresses of a host, each with the port; to be called within a runtime. Whoever gives up
/// leaves the question to those who ask next.
///
/// # Errors
/// Those of the resolver.
pub async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    asked(host, port, |(host, port)| Ok((host.as_str(), *port).to_socket_addrs()?.collect())).await
}

async fn asked(
    host: &str,
    port: u16,
    resolve: impl FnOnce(&Place) -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> io::Result<Vec<SocketAddr>> {
    let mut answer = question((host.to_owned(), port), resolve);
    let ended = |why: &str| (io::ErrorKind::Other, why.to_owned());
    let found = match answer.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or_else(|| Err(ended("no answer"))),
        // A runtime that ended took the question with it.
        Err(_) => Err(ended("the question was dropped")),
    };
    found.map_err(|(kind, text)| io::Error::new(kind, text))
}

/// The question about a place, asked unless it already is.
fn question(
    place: Place,
    resolve: impl FnOnce(&Place) -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> watch::Receiver<Option<Answer>> {
    let mut all = under_way();
    // One whose asker is gone gets no answer any more.
    if let Some(answer) = all.get(&place).filter(|answer| answer.has_changed().is_ok()) {
        return answer.clone();
    }
    let (tell, answer) = watch::channel(None);
    all.insert(place.clone(), answer.clone());
    drop(all);
    tokio::task::spawn_blocking(move || {
        let found = resolve(&place).map_err(|e| (e.kind(), e.to_string()));
        under_way().remove(&place);
        // Everybody may have given up.
        let _ = tell.send(Some(found));
    });
    answer
}

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::time::timeout;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_silent_resolver_is_asked_once_and_everybody_hears_the_answer() {
        runtime().block_on(async {
            let calls = Arc::new(AtomicUsize::new(0));
            let (release, held) = channel::<()>();
            let held = Arc::new(Mutex::new(held));
            let ask = || {
                let (calls, held) = (Arc::clone(&calls), Arc::clone(&held));
                asked("silent.example", 7, move |_| {
                    calls.fetch_add(1, Ordering::SeqCst);
                    let _ = held.lock().unwrap().recv();
                    Ok(vec![SocketAddr::from(([192, 0, 2, 1], 7))])
                })
            };
            for _ in 0..50 {
                assert!(timeout(Duration::from_millis(2), ask()).await.is_err());
            }
            let wait = Duration::from_secs(30);
            let answer = async { release.send(()).unwrap() };
            let (one, two, ()) = tokio::join!(timeout(wait, ask()), timeout(wait, ask()), answer);
            for found in [one, two] {
                assert_eq!(found.unwrap().unwrap()[0].to_string(), "192.0.2.1:7");
            }
            assert_eq!(calls.load(Ordering::SeqCst), 1);
            assert!(!under_way().contains_key(&("silent.example".to_owned(), 7)));
        });
    }

    #[test]
    fn addresses_need_no_resolver_and_errors_keep_their_words() {
        let none = asked("none.example", 1, |_| Err(io::Error::other("Name or service not known")));
        // Outside of a runtime there is no thread to ask in.
        runtime().block_on(async {
            assert_eq!(lookup("::1", 9).await.unwrap(), ["[::1]:9".parse().unwrap()]);
            assert_eq!(none.await.unwrap_err().to_string(), "Name or service not known");
            assert!(lookup("localhost", 9).await.unwrap().iter().all(|a| a.ip().is_loopback()));
        });
    }
}
