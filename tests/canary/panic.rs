//! A panic with everything in hand: what is shown of it with `{:?}` holds no secret.

use std::process::Stdio;

use fake_twenty::World;
use tokio::process::Command;
use twenty_sync::{config::Loaded, source::Client, sync::Engine};

use super::stage::{Stage, secrets::Secrets};

/// Set in the process that is to panic.
const PANICS: &str = "CANARY_PANICS";

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_with_everything_in_hand_tells_no_secret() {
    if std::env::var_os(PANICS).is_some() {
        panic_with_everything().await;
    }
    let stage = Stage::set(World::sample()).await;
    let secrets = Secrets::given_to(&stage.program());
    let mut itself = Command::new(std::env::current_exe().expect("this program has a path"));
    itself
        .args(["--exact", "panic::a_panic_with_everything_in_hand_tells_no_secret", "--nocapture"])
        .envs(stage.program().as_std().get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env(PANICS, "1")
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null());
    let output = itself.output().await.expect("this program starts");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(told.contains("everything: Config {") && told.contains("stack backtrace"), "{told}");
    secrets.assert_untold("the panic", &told);
}

async fn panic_with_everything() {
    let loaded = Loaded::read(None).expect("the configuration is complete");
    let config = loaded.config().expect("the configuration is complete");
    let client = Client::new(&config.source).expect("the key can be read");
    let engine = Engine::open(&config).await.expect("both sides are there");
    let settings: Vec<_> = loaded.settings();
    panic!("everything: {config:?} {client:?} {engine:?} {settings:?} {loaded:?}");
}
