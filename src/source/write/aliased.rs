//! Several mutations in one request, and what came of each.
//!
//! It exists because different patches cannot share an update, but can share a round trip. The server runs them one
//! after the other, not as one transaction (docs/twenty.md, "Aliased mutations"); newer servers refuse a root field
//! that comes twice. Invariants: what the limit of calls stopped is sent again, what ran is not; a request that was
//! refused as a whole is sent in parts, so that only the guilty mutation is refused.

use std::sync::Arc;

use super::{
    GuardedUpdate, Hit, LARGEST_BODY, ObjectNames, Sent,
    mutation::{Mutation, query},
    outcome::{Outcome, outcomes_of},
};
use crate::source::{
    client::{Again, Client},
    error::SourceError,
    problem::Problem,
    refusal::RefusalKind,
};

/// Updates in one request: as many root fields as newer servers take at all.
pub const UPDATES_PER_CALL: usize = 20;

impl Client {
    /// Sends different updates of one object, in as few requests as the server takes. The outcomes are in the order
    /// of `updates`; an error on the way leaves those that were not sent out.
    ///
    /// # Errors
    /// None was sent, or the key is refused. Once some were sent, what the others met is told by a shorter list.
    pub async fn update_each(
        &self,
        object: ObjectNames<'_>,
        updates: &[GuardedUpdate],
    ) -> Result<Vec<Sent<Vec<Hit>>>, SourceError> {
        let mutations: Vec<Mutation> =
            updates.iter().map(|update| update.mutation(object)).collect();
        let mut outcomes = Vec::with_capacity(mutations.len());
        for part in parts(&mutations) {
            match self.mutate_together(object, part).await {
                Ok(sent) => outcomes.extend(sent),
                Err(error) if outcomes.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(object = object.plural, %error, "some updates were not sent");
                    break;
                }
            }
        }
        Ok(outcomes)
    }

    /// Sends one mutation.
    pub(super) async fn mutate(
        &self,
        object: ObjectNames<'_>,
        mutation: &Mutation,
    ) -> Result<Sent<Vec<Hit>>, SourceError> {
        let mut outcomes = self.send_mutations(object, &[mutation]).await?;
        Ok(outcomes.pop().unwrap_or_else(Sent::too_large))
    }

    async fn mutate_together(
        &self,
        object: ObjectNames<'_>,
        mutations: &[Mutation],
    ) -> Result<Vec<Sent<Vec<Hit>>>, SourceError> {
        let all: Vec<&Mutation> = mutations.iter().collect();
        if all.len() > 1 && !self.wants_single_roots() {
            let outcomes = self.send_mutations(object, &all).await?;
            if !self.must_be_split(&outcomes) {
                return Ok(outcomes);
            }
        }
        let mut outcomes = Vec::with_capacity(all.len());
        for mutation in all {
            match self.mutate(object, mutation).await {
                Ok(sent) => outcomes.push(sent),
                Err(error) if outcomes.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(outcomes)
    }

    /// A request that was refused as a whole ran nothing: the mutations go one by one, so that only the guilty one is
    /// refused, or because the server takes them no other way.
    fn must_be_split(&self, outcomes: &[Sent<Vec<Hit>>]) -> bool {
        let complex = |sent: &Sent<_>| matches!(sent, Sent::Refused(refusal) if refusal.kind == RefusalKind::TooComplex);
        if outcomes.iter().any(complex) {
            tracing::debug!("the server takes one root field in a request");
            self.remember_single_roots();
        }
        let mut refusals = outcomes.iter().map(|sent| match sent {
            Sent::Refused(refusal) => Some(refusal),
            Sent::Done(_) | Sent::Unknown(_) => None,
        });
        refusals.next().flatten().is_some_and(|first| refusals.all(|other| other == Some(first)))
    }

    async fn send_mutations(
        &self,
        object: ObjectNames<'_>,
        mutations: &[&Mutation],
    ) -> Result<Vec<Sent<Vec<Hit>>>, SourceError> {
        let mut outcomes: Vec<Option<Sent<Vec<Hit>>>> = mutations.iter().map(|_| None).collect();
        while let Some(open) = open(&outcomes) {
            let batch: Vec<&Mutation> = open.iter().map(|&index| mutations[index]).collect();
            let answers = match self.send_once(object, &batch).await {
                Ok(answers) => answers,
                Err(problem) if open.len() == mutations.len() => {
                    let operation = format!("write {} {}", batch.len(), object.plural);
                    return Err(SourceError::Call { operation, problem });
                }
                // Some ran already. What stopped the rest is told as theirs; it surely did not run.
                Err(problem) => vec![Some(Sent::Unknown(Arc::new(problem))); open.len()],
            };
            for (index, answer) in open.into_iter().zip(answers) {
                outcomes[index] = answer;
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// One request. A mutation that the limit of calls stopped has no outcome yet.
    async fn send_once(
        &self,
        object: ObjectNames<'_>,
        mutations: &[&Mutation],
    ) -> Result<Vec<Option<Sent<Vec<Hit>>>>, Problem> {
        let (query, variables) = query(object, mutations);
        let request = self.graphql("graphql", &query, &variables);
        if request.json.as_ref().is_some_and(|json| json.len() > LARGEST_BODY) {
            return Ok(mutations.iter().map(|_| Some(Sent::too_large())).collect());
        }
        let cost = u32::try_from(mutations.len()).unwrap_or(u32::MAX);
        let read = |answer| outcomes_of(&answer, mutations.len());
        let outcomes = match self.send(&request, cost, Again::WhileUntouched, read).await {
            Ok(outcomes) => outcomes,
            Err(problem) => return shared(problem, mutations.len()),
        };
        outcomes.into_iter().map(|outcome| self.outcome(outcome)).collect()
    }

    fn outcome(&self, outcome: Outcome) -> Result<Option<Sent<Vec<Hit>>>, Problem> {
        match outcome {
            Ok(hits) => Ok(Some(Sent::Done(hits))),
            Err(problem @ Problem::Throttled { .. }) => {
                self.note(&problem);
                Ok(None)
            }
            Err(problem) => Sent::of(problem).map(Some),
        }
    }
}

/// What a problem of the whole request means for each of its mutations.
fn shared(problem: Problem, count: usize) -> Result<Vec<Option<Sent<Vec<Hit>>>>, Problem> {
    let sent = Sent::of(problem)?;
    Ok(vec![Some(sent); count])
}

fn open(outcomes: &[Option<Sent<Vec<Hit>>>]) -> Option<Vec<usize>> {
    let open: Vec<usize> = outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| outcome.is_none())
        .map(|(index, _)| index)
        .collect();
    (!open.is_empty()).then_some(open)
}

/// Parts that fit into one request by number and size.
fn parts(mutations: &[Mutation]) -> Vec<&[Mutation]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, mutation) in mutations.iter().enumerate() {
        let size = mutation.filter.to_string().len()
            + mutation.data.as_ref().map_or(0, |data| data.to_string().len());
        if index > start && (index - start == UPDATES_PER_CALL || bytes + size > LARGEST_BODY / 2) {
            parts.push(&mutations[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < mutations.len() {
        parts.push(&mutations[start..]);
    }
    parts
}
