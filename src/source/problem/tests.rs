//! The table of complaints, with the texts that real servers send.

use super::{KeyRefusal, Problem, RefusalKind};

fn rest(status: u16, error: &str, message: &str) -> Problem {
    let body = serde_json::json!({"statusCode": status, "error": error, "messages": [message]});
    Problem::of_answer(status, &body.to_string(), None)
}

fn kind(problem: Problem) -> RefusalKind {
    match problem {
        Problem::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_way_to_refuse_a_key_is_told_apart() {
    for (status, error, message, refusal) in [
        (403, "FORBIDDEN_EXCEPTION", "Missing authentication token", KeyRefusal::Absent),
        (401, "UNAUTHENTICATED", "No payload", KeyRefusal::Malformed),
        (401, "UNAUTHENTICATED", "Token invalid.", KeyRefusal::Foreign),
        (400, "INVALID_INPUT", "Unknown token error.", KeyRefusal::Foreign),
        (401, "UNAUTHENTICATED", "Token has expired.", KeyRefusal::Expired),
        (403, "FORBIDDEN_EXCEPTION", "This API Key is revoked", KeyRefusal::Revoked),
        (401, "WORKSPACE_NOT_FOUND", "Workspace not found", KeyRefusal::NoWorkspace),
        (400, "API_KEY_ROLE_NOT_FOUND", "API key has no role assigned", KeyRefusal::NoRole),
    ] {
        match rest(status, error, message) {
            Problem::Key(found) => assert_eq!(found, refusal),
            other => panic!("{message}: {other:?}"),
        }
    }
    assert!(matches!(rest(401, "X", "anything"), Problem::Key(KeyRefusal::Other(_))));
}

#[test]
fn graphql_refuses_a_key_with_status_200() {
    let body = r#"{"errors":[{"message":"No payload","extensions":{"userFriendlyMessage":{"id":"z","message":"m"},
        "subCode":"UNAUTHENTICATED","code":"UNAUTHENTICATED"}}]}"#;
    assert!(matches!(Problem::of_answer(200, body, None), Problem::Key(KeyRefusal::Malformed)));
}

#[test]
fn a_taken_value_and_a_taken_id_are_told_apart() {
    for (status, message, expected) in [
        (400, "A duplicate entry was detected", RefusalKind::DuplicateEntry),
        (
            400,
            "Duplicate Emails with value ada@example.com. Please set a unique one.",
            RefusalKind::Unique { label: "Emails".to_owned() },
        ),
        (
            400,
            "A duplicate entry was detected: unique constraint person.IDX_UNIQUE_87 was violated",
            RefusalKind::Unique { label: "person.IDX_UNIQUE_87".to_owned() },
        ),
        (
            500,
            r#"duplicate key value violates unique constraint "PK_4a""#,
            RefusalKind::DuplicateEntry,
        ),
    ] {
        assert_eq!(kind(rest(status, "Error", message)), expected, "{message}");
    }
}

#[test]
fn refusals_are_known_by_their_text_whatever_the_status() {
    let value = RefusalKind::Value;
    for (status, message, expected) in [
        (400, "Entity performing the request does not have permission", RefusalKind::Permission),
        (
            400,
            r#"Field metadata for field "nope" is missing in object metadata company"#,
            RefusalKind::UnknownField,
        ),
        (400, "Field metadata not found for field: nope", RefusalKind::UnknownField),
        (400, r#"Object person doesn't have any "x" field."#, RefusalKind::UnknownField),
        (400, "object 'nopes' not found. eg: companies", RefusalKind::UnknownField),
        (
            400,
            r#"invalid input value for enum w."_gadget_enum": "OPT_Z""#,
            RefusalKind::UnknownOption,
        ),
        (
            500,
            r#"insert or update on table "person" violates foreign key constraint "FK_e""#,
            RefusalKind::MissingParent,
        ),
        (
            500,
            r#"null value in column "fText" of relation "_gadget" violates not-null constraint"#,
            value.clone(),
        ),
        (500, r#"invalid byte sequence for encoding "UTF8": 0x00"#, value.clone()),
        (500, r#"date/time field value out of range: "2026-02-30""#, value.clone()),
        (500, r#"malformed array literal: "x""#, value.clone()),
        (500, r#"invalid input syntax for type uuid: "zzz""#, value.clone()),
        (500, r#"value "99999999999" is out of range for type integer"#, value.clone()),
        (
            500,
            r#"cannot insert a non-DEFAULT value into column "searchVector""#,
            RefusalKind::ReadOnly,
        ),
        (400, "Provided and inferred country code are conflicting", value.clone()),
        (400, "The URL of the link is not valid", value.clone()),
        (400, r#"Value "x" is not a valid UUID"#, value.clone()),
        (400, "Cannot convert undefined or null to object", value),
        (400, "Invalid cursor: zzz", RefusalKind::Cursor),
        (404, "Record not found", RefusalKind::NotFound),
        (400, "'depth=2' parameter invalid. Allowed values are 0, 1", RefusalKind::Other),
        (403, "Forbidden resource", RefusalKind::Permission),
    ] {
        assert_eq!(kind(rest(status, "Error", message)), expected, "{message}");
    }
}

#[test]
fn graphql_refusals_are_the_same_refusals() {
    for (status, body, expected) in [
        (
            400,
            r#"{"errors":[{"message":"Field \"nope\" is not defined by type \"C\".","extensions":{"code":"BAD_USER_INPUT"}}]}"#,
            RefusalKind::UnknownField,
        ),
        (
            200,
            r#"{"errors":[{"message":"Field \"nope\" is not defined by type \"C\"."}]}"#,
            RefusalKind::UnknownField,
        ),
        (
            400,
            r#"{"errors":[{"message":"Float cannot represent non numeric value: \"x\"","extensions":{"code":"BAD_USER_INPUT"}}]}"#,
            RefusalKind::Value,
        ),
        (
            400,
            r#"{"errors":[{"message":"Value \"NOPE\" does not exist in \"StageEnum\" enum.","extensions":{"code":"BAD_USER_INPUT"}}]}"#,
            RefusalKind::UnknownOption,
        ),
        (
            200,
            r#"{"errors":[{"message":"Record not found","extensions":{"code":"NOT_FOUND"}}],"data":{"a":null}}"#,
            RefusalKind::NotFound,
        ),
        (
            200,
            r#"{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#,
            RefusalKind::Permission,
        ),
        (
            200,
            r#"{"errors":[{"message":"Forbidden resource","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
            RefusalKind::Permission,
        ),
        (
            200,
            r#"{"errors":[{"message":"Cannot query field \"nopes\" on type \"Query\"."}]}"#,
            RefusalKind::UnknownField,
        ),
        (
            200,
            r#"{"errors":[{"message":"Duplicate root resolver: \"updatePeople\""}]}"#,
            RefusalKind::TooComplex,
        ),
        (200, r#"{"errors":[{"message":"Syntax Error: Expected Name"}]}"#, RefusalKind::Other),
    ] {
        assert_eq!(kind(Problem::of_answer(status, body, None)), expected, "{body}");
    }
}

#[test]
fn throttling_is_seen_in_every_form_and_tells_its_numbers() {
    let text = "Limit reached (50 tokens per 30000 ms)";
    let graph = format!(
        r#"{{"errors":[{{"message":"{text}","extensions":{{"subCode":"LIMIT_REACHED","code":"BAD_USER_INPUT"}}}}]}}"#
    );
    let rest = format!(r#"{{"statusCode":429,"error":"HttpException","messages":["{text}"]}}"#);
    for (status, body) in [(429, rest.as_str()), (400, rest.as_str()), (200, graph.as_str())] {
        match Problem::of_answer(status, body, None) {
            Problem::Throttled { limit: Some(limit), .. } => {
                assert_eq!(limit.to_string(), "50 calls in 30s");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        Problem::of_answer(429, "<html>", None),
        Problem::Throttled { limit: None, .. }
    ));
}

#[test]
fn trouble_passes_whatever_it_looks_like() {
    for (status, body) in [
        (500, ""),
        (502, "<html><h1>Bad Gateway</h1></html>"),
        (503, "upstream connect error"),
        (
            500,
            r#"{"statusCode":500,"error":"InternalServerErrorException","messages":["Connection terminated"]}"#,
        ),
        (400, r#"{"statusCode":400,"messages":["Query read timeout"]}"#),
        (400, r#"{"statusCode":400,"messages":["Metadata cache version not found"]}"#),
        (200, r#"{"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#),
    ] {
        let problem = Problem::of_answer(status, body, None);
        assert!(matches!(problem, Problem::Unavailable { .. }), "{body}: {problem:?}");
        assert!(problem.is_passing());
    }
    let page = Problem::of_answer(404, "<!doctype html>", None);
    assert!(matches!(page, Problem::Unreadable { .. }) && !page.is_passing());
}

#[test]
fn a_value_in_a_text_does_not_change_its_class() {
    let problem = rest(
        400,
        "UserInputError",
        "Duplicate Name with value Limit reached. Please set a unique one.",
    );
    assert_eq!(kind(problem), RefusalKind::Unique { label: "Name".to_owned() });
}
