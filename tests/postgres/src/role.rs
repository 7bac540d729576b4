//! A second user of a database, one without rights.
//!
//! Operators give the program users that may not do everything it needs. How it says so can only be tested with
//! such a user.

use std::sync::PoisonError;

use uuid::Uuid;

use crate::TestDatabase;
use crate::database::run;

/// A user that may connect to one test's database and nothing else. Dropped with the database.
#[derive(Debug, Clone)]
pub struct TestRole {
    name: String,
    url: String,
}

impl TestRole {
    /// The user's name, for `grant`: letters, digits and underscores.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A `postgres://` URL of the database, as this user.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl TestDatabase {
    /// Makes a user without any right in this database but to connect to it.
    pub async fn create_role(&self) -> TestRole {
        let (name, password) = self.name_a_role();
        let (database, admin) = (self.name(), &mut self.admin().await);
        let statements = [
            format!("create role \"{name}\" login password '{password}'"),
            format!("revoke all on database \"{database}\" from public"),
            format!("grant connect on database \"{database}\" to \"{name}\""),
        ];
        for statement in statements {
            run(admin, statement)
                .await
                .unwrap_or_else(|error| panic!("could not make a role: {error}"));
        }
        // Until version 14, everyone could make tables in the schema public.
        let revoke = sqlx::raw_sql("revoke create on schema public from public");
        revoke
            .execute(&self.pool().await)
            .await
            .unwrap_or_else(|error| panic!("could not close a schema: {error}"));
        TestRole { url: self.url_as(&name, &password).to_string(), name }
    }

    fn name_a_role(&self) -> (String, String) {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}_r{}", self.name(), roles.len() + 1);
        roles.push(name.clone());
        (name, Uuid::new_v4().simple().to_string())
    }
}
