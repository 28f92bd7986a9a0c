//! A second store, and who says so.

use super::*;

#[cfg(target_os = "linux")]
#[test]
fn a_second_store_is_found_with_what_both_hold_and_the_line_that_leads_to_one() {
    let home = Home::new();
    home.run_well(&["store", "a fact"]);
    let snap = home.path("snap/code/current/.local/share");
    fs::create_dir_all(&snap).unwrap();
    let mut inside = home.command(&["store", "seen by the editor alone"]);
    assert!(
        inside
            .env("XDG_DATA_HOME", &snap)
            .status()
            .unwrap()
            .success()
    );
    let found = home.problem("stores");
    let (used, second) = (home.store(), snap.join("commonplace"));
    let both = [used, second].map(|dir| format!("`{}` with 1 memory", dir.display()));
    says(&found.text, &both.each_ref().map(String::as_str));
    says(
        &found.repair.unwrap(),
        &[
            "--data-dir",
            "COMMONPLACE_DATA_DIR=",
            "cannot be joined yet",
        ],
    );
    // Whoever names a store has others on purpose.
    let named = home.run(&[
        "--data-dir",
        &snap.join("commonplace").display().to_string(),
        "--json",
        "doctor",
    ]);
    assert!(told(&named).ok);
}

#[cfg(target_os = "linux")]
#[test]
fn a_bridge_that_makes_a_second_store_says_so_to_the_log_and_to_the_client() {
    let home = Home::new();
    home.run_well(&["store", "a fact"]);
    let snap = home.path("snap/code/current/.local/share");
    let store = snap.join("commonplace");
    fs::create_dir_all(&store).unwrap();
    close(&store);
    fs::write(store.join("settings.toml"), "port = 0\n").unwrap();
    let mut command = home.command(&["mcp"]);
    command.env("XDG_DATA_HOME", &snap);
    let said = home.path("stderr");
    let mut bridge =
        crate::bridge::Bridge::start_logging(&mut command, fs::File::create(&said).unwrap());
    bridge.initialize();
    let wanted = format!(
        "there is another one, `{}`, with 1 memory",
        home.store().display()
    );
    let health = bridge.call("memory_health", json!({})).unwrap();
    says(&health.text, &[&wanted, "commonplace --data-dir", "doctor"]);
    let again = bridge.call("memory_health", json!({})).unwrap();
    assert!(
        !again.text.contains(&wanted),
        "once is enough: {}",
        again.text
    );
    says(&fs::read_to_string(&said).unwrap(), &[&wanted]);
    let status = home.run(&[
        "--data-dir",
        &store.display().to_string(),
        "--json",
        "status",
    ]);
    let status: commonplace_api::status::Status = serde_json::from_slice(&status.stdout).unwrap();
    assert!(crate::signals::send(
        status.host.pid,
        rustix::process::Signal::KILL
    ));
}
