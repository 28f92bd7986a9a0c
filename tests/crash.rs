//! `kill -9` in the middle of a burst: what was acknowledged is there, once.

use std::sync::Mutex;

use crate::support::{Host, list, run_well};

/// Rounds in the default run; the long form, `cargo xtask bench crash`, sets COMMONPLACE_CRASH_ROUNDS.
const ROUNDS: usize = 5;

fn rounds() -> usize {
    let given = std::env::var("COMMONPLACE_CRASH_ROUNDS").ok();
    given.map_or(ROUNDS, |rounds| {
        rounds
            .parse()
            .expect("COMMONPLACE_CRASH_ROUNDS is a number")
    })
}

#[test]
#[allow(clippy::print_stderr, reason = "the long form prints its sum")]
fn nothing_acknowledged_is_lost_when_the_host_is_killed_in_a_burst() {
    let dir = tempfile::tempdir().unwrap();
    let mut all_acked: Vec<String> = Vec::new();
    let mut asked = 0;
    let mut start_max = std::time::Duration::ZERO;
    for round in 0..rounds() {
        let started = std::time::Instant::now();
        let mut host = Host::start(dir.path());
        start_max = start_max.max(started.elapsed());
        let acked = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (mut client, acked) = (host.client(), &acked);
                scope.spawn(move || {
                    for write in 0.. {
                        let text = format!("round {round} client {number} write {write}z");
                        // The host was killed: the rest has no answer.
                        let Ok(_) = client.store(&text) else { break };
                        acked.lock().unwrap().push(text);
                    }
                });
            }
            let enough = 30 + 10 * (round % 7);
            crate::support::eventually("enough writes are acknowledged", || {
                acked.lock().unwrap().len() >= enough
            });
            host.kill();
        });
        let acked = acked.into_inner().unwrap();
        asked += acked.len() + 4;
        all_acked.extend(acked);
    }
    let host = Host::start(dir.path());
    let mut client = host.client();
    for text in &all_acked {
        assert!(
            client.has_one(text),
            "acknowledged and lost, or there twice: {text}"
        );
    }
    let total = list(dir.path()).total as usize;
    assert!(
        (all_acked.len()..=asked).contains(&total),
        "{} acknowledged, {asked} asked, {total} there",
        all_acked.len()
    );
    run_well(dir.path(), &["doctor"]);
    eprintln!(
        "{} rounds: {} acknowledged, all found; {total} there of {asked} asked; slowest start {start_max:.0?}",
        rounds(),
        all_acked.len()
    );
}
