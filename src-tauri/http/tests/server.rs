//! The surface on a real socket.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use commonplace_http::{
    Caller, Door, FindCaller, Finished, McpService, Site, SiteLimits, TcpDoor, serve,
};
use support::{ADMIN, MadeUp, counting_mcp, held_mcp, site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

struct Served {
    port: u16,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Finished>,
}

impl Served {
    async fn start(mcp: McpService, limits: SiteLimits) -> Self {
        Self::start_for(Arc::new(|_| Caller::Owner), mcp, limits).await
    }

    async fn start_for(find_caller: FindCaller, mcp: McpService, limits: SiteLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Site {
            port,
            mcp,
            limits,
            ..site(MadeUp::new())
        };
        let doors: Vec<Box<dyn Door>> = vec![Box::new(TcpDoor::new(listener, find_caller))];
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(doors, site, async {
            stopped.await.ok();
        }));
        Self { port, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Sends the head of a request on a new connection.
    async fn ask(&self, line: &str, more: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let head = self.head(line, more);
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    fn head(&self, line: &str, more: &str) -> String {
        format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {ADMIN}\r\n{more}\r\n",
            self.port
        )
    }
}

/// Reads until the text holds `end`.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    let mut chunk = [0; 65536];
    while !String::from_utf8_lossy(&got).contains(end) {
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(
            count > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&got)
        );
        got.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&got).into_owned()
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let served = Served::start(counting_mcp(), SiteLimits::default()).await;
    let mut stream = served.connect().await;
    for _ in 0..3 {
        let head = served.head("GET /api/health", "");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "}").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn ten_megabytes_get_a_readable_refusal_and_not_a_reset() {
    let served = Served::start(counting_mcp(), SiteLimits::default()).await;
    let length = 10 * 1024 * 1024;
    let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    let mut stream = served.ask("POST /mcp", &more).await;
    stream.write_all(&vec![b'x'; length]).await.unwrap();
    let answer = read_to_end(stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("2097152 bytes"), "{answer}");
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let served = Served::start(counting_mcp(), SiteLimits::default()).await;
    let more = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    let mut stream = served.ask("GET /api/health", &more).await;
    let answer = read_until(&mut stream, "\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_idle_time() {
    let limits = SiteLimits {
        idle_time_max: Duration::from_millis(50),
        ..SiteLimits::default()
    };
    let served = Served::start(counting_mcp(), limits).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /api/he").await.unwrap();
    read_to_end(stream).await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let limits = SiteLimits {
        connections_max: 1,
        ..SiteLimits::default()
    };
    let served = Served::start(counting_mcp(), limits).await;
    let mut first = served.ask("GET /api/health", "").await;
    read_until(&mut first, "}").await;

    let mut second = served.ask("GET /api/health", "").await;
    second.shutdown().await.unwrap();
    let answer = read_to_end(second).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: 1"),
        "{answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("Content-Length: {}", body.len())),
        "{answer}"
    );
}

async fn ask_mcp(served: &Served) -> TcpStream {
    let more = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let mut stream = served.ask("POST /mcp", more).await;
    stream.write_all(b"{}").await.unwrap();
    stream
}

#[tokio::test]
async fn shutdown_finishes_what_is_under_way_and_ends_streams_and_idle_connections() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let served = Served::start(held_mcp(arrived.clone(), go.clone()), SiteLimits::default()).await;
    let busy = ask_mcp(&served).await;
    arrived.notified().await;
    let mut events = served.ask("GET /events", "").await;
    read_until(&mut events, "event: status").await;
    let mut idle = served.ask("GET /api/health", "").await;
    read_until(&mut idle, "}").await;

    served.stop.send(()).unwrap();
    read_to_end(events).await;
    read_to_end(idle).await;
    assert!(
        TcpStream::connect(("127.0.0.1", served.port))
            .await
            .is_err(),
        "the port is free for another host"
    );
    go.notify_one();
    assert!(
        read_to_end(busy).await.ends_with("done"),
        "an accepted request is answered"
    );
    assert_eq!(served.task.await.unwrap(), Finished { connections_cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_takes_too_long_and_says_how_much() {
    let arrived = Arc::new(Notify::new());
    let limits = SiteLimits {
        shutdown_time_max: Duration::from_millis(20),
        ..SiteLimits::default()
    };
    let served = Served::start(held_mcp(arrived.clone(), Arc::default()), limits).await;
    let _busy = ask_mcp(&served).await;
    arrived.notified().await;
    served.stop.send(()).unwrap();
    assert_eq!(served.task.await.unwrap(), Finished { connections_cut: 1 });
}

/// Reads how often connections were closed for `reason`.
async fn count_of(served: &Served, reason: &str) -> u64 {
    let stream = served.ask("GET /metrics", "Connection: close\r\n").await;
    let page = read_to_end(stream).await;
    let name = format!("http_refusals_total{{reason=\"{reason}\"}} ");
    let (_, rest) = page.split_once(&name).expect("every reason is counted");
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_connection_of_another_user_is_closed_before_anything_of_it_is_read() {
    for (refused, reason) in [
        (Caller::Stranger("user 1001".to_owned()), "other_user"),
        (Caller::Unknown, "unknown_user"),
    ] {
        let callers = Mutex::new(vec![Caller::Root, refused]);
        let find_caller: FindCaller =
            Arc::new(move |_| callers.lock().unwrap().pop().unwrap_or(Caller::Owner));
        let served = Served::start_for(find_caller, counting_mcp(), SiteLimits::default()).await;
        let mut stranger = served.connect().await;
        // It may be closed before it could write.
        let head = served.head("GET /api/health", "");
        let _ = stranger.write_all(head.as_bytes()).await;
        let mut got = Vec::new();
        let _ = stranger.read_to_end(&mut got).await;
        assert_eq!(got, b"");
        assert_eq!(count_of(&served, reason).await, 1, "asked as root");
    }
}

#[tokio::test]
async fn idle_connections_that_asked_nothing_make_room_for_who_asks() {
    let limits = SiteLimits {
        connections_max: 8,
        ..SiteLimits::default()
    };
    let served = Served::start(counting_mcp(), limits).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(served.connect().await);
    }
    // They are left alone at first, since one that has just come may be about to ask.
    let answer = loop {
        let mut stream = served.ask("GET /api/health", "Connection: close\r\n").await;
        stream.shutdown().await.unwrap();
        let answer = read_to_end(stream).await;
        if !answer.starts_with("HTTP/1.1 503") {
            break answer;
        }
    };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(count_of(&served, "made_room").await, 1);
    assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0, "the oldest");
}
