//! Our own webhook at Twenty: one, for every event, with our secret.
//!
//! It exists so that registering twice is registering once. Invariants: what is ours is known by the address that it
//! calls, and nothing else is touched; what is registered already is left as it is, unless the server does not tell
//! what it signs with.

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::SyncError;
use crate::source::{Client, Webhook};

/// Our webhook, as it should be.
#[derive(Debug)]
pub struct Registration<'a> {
    /// Twenty.
    pub source: &'a Client,
    /// Where Twenty is to call.
    pub url: &'a Url,
    /// What it is to sign with.
    pub secret: &'a SecretString,
}

/// What registering did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// There was none.
    Made,
    /// There was one, which was not as it should be or may not have been.
    Changed,
    /// There was one already.
    Unchanged,
}

/// What to do about the webhooks that are there.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    kept: Option<Uuid>,
    is_to_change: bool,
    surplus: Vec<Uuid>,
}

impl Registration<'_> {
    /// Makes our webhook, or makes it what it should be.
    ///
    /// # Errors
    /// Twenty refuses, or takes another secret than ours.
    pub async fn register(&self) -> Result<Registered, SyncError> {
        let Plan { kept, is_to_change, surplus } = plan(&self.ours().await?, self.secret);
        for id in surplus {
            self.source.remove_webhook(id).await?;
        }
        let (hook, registered) = match kept {
            None => (self.source.add_webhook(self.url, self.secret).await?, Registered::Made),
            Some(_) if !is_to_change => return Ok(Registered::Unchanged),
            Some(id) => (self.source.change_webhook(id, self.secret).await?, Registered::Changed),
        };
        if hook.signs_with(self.secret) == Some(false) {
            return Err(SyncError::WebhookSecret);
        }
        Ok(registered)
    }

    /// Removes our webhook; says how many there were.
    ///
    /// # Errors
    /// Twenty refuses.
    pub async fn remove(&self) -> Result<usize, SyncError> {
        let ours = self.ours().await?;
        for hook in &ours {
            self.source.remove_webhook(hook.id).await?;
        }
        Ok(ours.len())
    }

    /// What calls our address.
    ///
    /// # Errors
    /// Twenty refuses.
    pub async fn ours(&self) -> Result<Vec<Webhook>, SyncError> {
        let mut hooks = self.source.webhooks().await?;
        hooks.retain(|hook| self.is_ours(hook));
        Ok(hooks)
    }

    /// Whether it calls our address.
    pub fn is_ours(&self, hook: &Webhook) -> bool {
        Url::parse(&hook.target_url).is_ok_and(|url| url == *self.url)
    }

    /// What is not as it should be with a webhook of ours, if anything is known to be.
    pub fn fault(&self, hook: &Webhook) -> Option<&'static str> {
        if !hook.is_for_everything() {
            return Some("it does not call for every event");
        }
        (hook.signs_with(self.secret) == Some(false)).then_some("Twenty signs with another secret")
    }
}

/// What to do about the webhooks that call our address. Where the server does not tell the secret, it is set again.
fn plan(ours: &[Webhook], secret: &SecretString) -> Plan {
    let is_right =
        |hook: &&Webhook| hook.is_for_everything() && hook.signs_with(secret) == Some(true);
    let right = ours.iter().find(is_right);
    let kept = right.or(ours.first()).map(|hook| hook.id);
    let surplus = ours.iter().map(|hook| hook.id).filter(|id| Some(*id) != kept).collect();
    Plan { kept, is_to_change: right.is_none(), surplus }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Plan, Webhook, plan};

    fn hook(id: u128, operations: &str, secret: Option<&str>) -> Webhook {
        Webhook {
            id: Uuid::from_u128(id),
            target_url: "https://a.example/".to_owned(),
            operations: vec![operations.to_owned()],
            secret: secret.map(Into::into),
        }
    }

    #[test]
    fn one_that_is_right_stays_and_all_others_go() {
        let (right, wrong) = (Some("ours"), Some("other"));
        for (ours, kept, is_to_change, surplus) in [
            (vec![], None, true, vec![]),
            (vec![hook(1, "*.*", right)], Some(1), false, vec![]),
            (vec![hook(1, "*.*", wrong)], Some(1), true, vec![]),
            (vec![hook(1, "note.*", right)], Some(1), true, vec![]),
            (vec![hook(1, "*.*", None)], Some(1), true, vec![]),
            (vec![hook(1, "*.*", wrong), hook(2, "*.*", right)], Some(2), false, vec![1]),
            (vec![hook(1, "*.*", None), hook(2, "*.*", None)], Some(1), true, vec![2]),
        ] {
            let planned = plan(&ours, &"ours".into());
            let surplus = surplus.into_iter().map(Uuid::from_u128).collect();
            let kept = kept.map(Uuid::from_u128);
            assert_eq!(planned, Plan { kept, is_to_change, surplus }, "{ours:?}");
        }
    }
}
