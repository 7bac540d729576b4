//! What an answer says about each mutation of a request.
//!
//! It exists because older servers do not say to which mutation an error belongs (docs/twenty.md, "Aliased
//! mutations"): the failed ones are those without an answer. Invariant: a problem is given to a mutation only if
//! it is certain to be its own.

use std::collections::HashMap;

use super::{Hit, mutation::alias};
use crate::source::{
    complaint::GraphError,
    graphql::{Reply, reply},
    problem::{Problem, Unreadable, of_complaint},
    transport::Answer,
};

/// What came of one mutation of a request.
pub(super) type Outcome = Result<Vec<Hit>, Problem>;

/// The records that each mutation hit; none for one that failed.
type HitsByAlias = HashMap<String, Option<Vec<Hit>>>;

/// What came of each mutation. If the request was refused as a whole, or none of it ran because of the limit of
/// calls, that is the problem of all.
pub(super) fn outcomes_of(answer: &Answer, count: usize) -> Result<Vec<Outcome>, Problem> {
    let reply = reply(answer)?;
    let Some(mut data) = by_alias(&reply, answer)? else {
        let error =
            reply.errors.first().ok_or_else(|| answer.unreadable(Unreadable::Missing("data")))?;
        return Err(of_complaint(error.complaint(answer.status), None));
    };
    let mut hits: Vec<Option<Vec<Hit>>> =
        (0..count).map(|index| data.remove(&alias(index)).flatten()).collect();
    let failed: Vec<usize> = (0..count).filter(|&index| hits[index].is_none()).collect();
    let mut problems = problems(&reply, answer, &failed);
    if failed.len() == count
        && problems.values().all(|problem| matches!(problem, Problem::Throttled { .. }))
    {
        return Err(problems.into_values().next().unwrap_or(Problem::Timeout));
    }
    let outcome = |index: usize| match hits[index].take() {
        Some(hits) => Ok(hits),
        None => Err(problems
            .remove(&index)
            .unwrap_or_else(|| answer.unreadable(Unreadable::Missing("cause")))),
    };
    Ok((0..count).map(outcome).collect())
}

fn by_alias(reply: &Reply<'_>, answer: &Answer) -> Result<Option<HitsByAlias>, Problem> {
    let Some(data) = reply.data else { return Ok(None) };
    let wrong = |_| answer.unreadable(Unreadable::Missing("id and updatedAt of the records"));
    serde_json::from_str(data.get()).map_err(wrong)
}

/// The problem of each failed mutation: by path where the server tells it, else in order if the numbers agree.
fn problems(reply: &Reply<'_>, answer: &Answer, failed: &[usize]) -> HashMap<usize, Problem> {
    let in_order = reply.errors.len() == failed.len();
    let place = |(position, error): (usize, &GraphError)| {
        let told = error
            .alias()
            .and_then(|told| failed.iter().copied().find(|&index| alias(index) == told));
        let index = told.or_else(|| in_order.then(|| failed[position]))?;
        Some((index, of_complaint(error.complaint(answer.status), None)))
    };
    reply.errors.iter().enumerate().filter_map(place).collect()
}
