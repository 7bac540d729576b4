//! Two workspaces with the same data model and the same ids, one database, and one configuration.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use fake_twenty::{FakeTwenty, Options, World};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::stage::{Ended, Stage, finish, id_of};

/// The second one has a workspace id of its own, and nothing else.
pub(crate) struct Two {
    pub(crate) acme: Stage,
    pub(crate) beta: FakeTwenty,
    folder: TempDir,
}

impl Two {
    pub(crate) async fn set() -> Two {
        let mut other = World::sample();
        other.workspace_id = Uuid::from_u128(0xbe7a);
        let acme = Stage::set(World::sample()).await;
        let beta = FakeTwenty::start(Options { world: other, ..Options::default() }).await;
        // Nobody else may read a file with a secret.
        let ours = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(ours).tempdir();
        let folder = folder.expect("a folder can be made");
        let two = Two { acme, beta, folder };
        let settings = [two.section("acme", &two.acme.fake), two.section("beta", &two.beta)];
        two.write(&settings.concat());
        two
    }

    /// What the configuration says of one workspace.
    pub(crate) fn section(&self, name: &str, fake: &FakeTwenty) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, fake.api_key()).expect("a file can be written");
        let (url, file) = (fake.url(), file.display());
        format!(
            "[workspaces.{name}]\nsource = {{ url = \"{url}\", api_key_file = \"{file}\" }}\nmirror.schema = \"{name}\"\n"
        )
    }

    pub(crate) fn write(&self, settings: &str) {
        fs::write(self.settings(), settings).expect("a file can be written");
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("settings.toml")
    }

    pub(crate) fn program(&self) -> Command {
        let mut program = self.acme.program();
        program
            .env_remove("TWENTY_URL")
            .env_remove("TWENTY_API_KEY")
            .env("TWENTY_SYNC_CONFIG", self.settings());
        program
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.program().args(arguments)).await
    }

    /// Somebody edits the first person in one Twenty.
    pub(crate) fn edit(fake: &FakeTwenty, city: &str) {
        fake.world(|world| {
            let person = id_of(world, "people", 0);
            world.update("people", person, &json!({ "city": city }));
        });
    }

    /// Where that person lives, by both mirrors.
    pub(crate) async fn cities(&self) -> (String, String) {
        let person = self.beta.world(|world| id_of(world, "people", 0));
        sqlx::query_as(
            "select coalesce(a.city, ''), coalesce(b.city, '') from acme.people a join beta.people b using (id) \
             where id = $1",
        )
        .bind(person)
        .fetch_one(&self.acme.database.pool().await)
        .await
        .expect("both mirrors answer")
    }
}
