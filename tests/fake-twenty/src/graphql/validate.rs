//! Validation of a document before anything runs.
//!
//! One walk over the operation checks what a client can get wrong: names of fields, arguments, types, variables
//! and fragments, missing selections, literals of the wrong type. Everything that is wrong is reported at once.

use std::collections::{HashMap, HashSet};

use super::ast::{
    Argument, Document, Field, Operation, OperationKind, Selection, TypeRef, Variable,
};
use super::error::Fault;
use super::input;
use super::introspection::root_field;
use super::suggest::did_you_mean;
use super::types::{FieldDef, InputDef, Type, Types};

/// All faults of an operation.
pub(super) fn validate(
    types: &Types<'_>,
    document: &Document,
    operation: &Operation,
) -> Vec<Fault> {
    let mut check = Check {
        types,
        document,
        operation,
        used_variables: HashSet::new(),
        used_fragments: HashSet::new(),
        faults: Vec::new(),
    };
    check.variables();
    let root = types.root(operation.kind);
    let root = root.expect("the caller has found the root");
    check.selection(&root, &operation.selection);
    check.leftovers();
    check.faults
}

struct Check<'a> {
    types: &'a Types<'a>,
    document: &'a Document,
    operation: &'a Operation,
    used_variables: HashSet<&'a str>,
    used_fragments: HashSet<&'a str>,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    fn variables(&mut self) {
        for variable in &self.operation.variables {
            let name = variable.of.base();
            let fault = match self.types.named(name) {
                None => {
                    let names = self.types.names();
                    let tail = did_you_mean(name, names.iter().map(String::as_str), "");
                    Some(format!("Unknown type \"{name}\".{tail}"))
                }
                Some(found) if !found.is_input() => Some(format!(
                    "Variable \"${}\" cannot be non-input type \"{}\".",
                    variable.name, variable.of
                )),
                Some(_) => None,
            };
            self.faults.extend(fault.map(|message| Fault::new(message, variable.type_place)));
            if let Some(default) = &variable.default {
                input::check(self.types, &variable.of, default, &mut self.faults);
            }
        }
    }

    fn selection(&mut self, parent: &Type, selections: &'a [Selection]) {
        self.conflicts(selections);
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(parent, field),
                Selection::Inline { on, selection, .. } => {
                    let named = on.as_deref().map_or(Some(parent.name.as_str()), Some);
                    self.typed(named.unwrap_or_default(), selection);
                }
                Selection::Spread { name, place, .. } => {
                    let found = self.document.fragments.iter().find(|one| one.name == *name);
                    match found {
                        Some(fragment) => {
                            if self.used_fragments.insert(&fragment.name) {
                                self.typed(&fragment.on, &fragment.selection);
                            }
                        }
                        None => self
                            .faults
                            .push(Fault::new(format!("Unknown fragment \"{name}\"."), *place)),
                    }
                }
            }
        }
    }

    fn typed(&mut self, name: &str, selection: &'a [Selection]) {
        match self.types.named(name) {
            Some(found) => self.selection(&found, selection),
            None => self
                .faults
                .push(Fault { message: format!("Unknown type \"{name}\"."), places: Vec::new() }),
        }
    }

    /// Two fields under one key must be the same question.
    fn conflicts(&mut self, selections: &'a [Selection]) {
        let mut seen: HashMap<&str, &Field> = HashMap::new();
        for selection in selections {
            let Selection::Field(field) = selection else { continue };
            let Some(first) = seen.insert(field.key(), field) else { continue };
            let reason = if first.name == field.name {
                let same = spelled(&first.arguments) == spelled(&field.arguments);
                (!same).then(|| "they have differing arguments".to_owned())
            } else {
                Some(format!("\"{}\" and \"{}\" are different fields", first.name, field.name))
            };
            self.faults.extend(reason.map(|reason| Fault {
                message: format!(
                    "Fields \"{}\" conflict because {reason}. Use different aliases on the fields to fetch both \
                     if this was intentional.",
                    field.key()
                ),
                places: vec![first.place, field.place],
            }));
        }
    }

    fn field(&mut self, parent: &Type, field: &'a Field) {
        if field.name == "__typename" {
            return;
        }
        let at_root = parent.name == "Query";
        let builtin = if at_root { root_field(&field.name) } else { None };
        let Some(definition) = parent.field(&field.name).cloned().or(builtin) else {
            let known = parent.fields().iter().map(|one| one.name.as_str());
            let tail = did_you_mean(&field.name, known, "");
            let (name, of) = (&field.name, &parent.name);
            let message = format!("Cannot query field \"{name}\" on type \"{of}\".{tail}");
            return self.faults.push(Fault::new(message, field.place));
        };
        let owner = format!("{}.{}", parent.name, field.name);
        self.arguments(&definition, &owner, field);
        self.conditions(field);
        self.below(&definition, field);
    }

    fn below(&mut self, definition: &FieldDef, field: &'a Field) {
        let Some(of) = self.types.base(&definition.of) else { return };
        let (name, spelled) = (&field.name, &definition.of);
        if of.is_object() && field.selection.is_empty() {
            let message = format!(
                "Field \"{name}\" of type \"{spelled}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?"
            );
            self.faults.push(Fault::new(message, field.place));
        } else if !of.is_object() && !field.selection.is_empty() {
            let message = format!(
                "Field \"{name}\" must not have a selection since type \"{spelled}\" has no subfields."
            );
            self.faults.push(Fault::new(message, field.place));
        } else {
            self.selection(&of, &field.selection);
        }
    }

    fn arguments(&mut self, definition: &FieldDef, owner: &str, field: &'a Field) {
        for argument in &field.arguments {
            if let Some(wanted) = definition.arguments.iter().find(|one| one.name == argument.name)
            {
                self.value(wanted, argument);
                continue;
            }
            let known = definition.arguments.iter().map(|one| one.name.as_str());
            let tail = did_you_mean(&argument.name, known, "");
            let message =
                format!("Unknown argument \"{}\" on field \"{owner}\".{tail}", argument.name);
            self.faults.push(Fault::new(message, argument.place));
        }
        let given = |name: &str| field.arguments.iter().any(|one| one.name == name);
        for wanted in definition.arguments.iter().filter(|one| one.of.is_required()) {
            if !given(&wanted.name) {
                let message = format!(
                    "Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    field.name, wanted.name, wanted.of
                );
                self.faults.push(Fault::new(message, field.place));
            }
        }
    }

    fn value(&mut self, wanted: &InputDef, argument: &'a Argument) {
        input::check(self.types, &wanted.of, &argument.value, &mut self.faults);
        self.usages(&wanted.of, &argument.value);
    }

    /// Checks the variables inside a literal against the places where they stand.
    fn usages(&mut self, of: &TypeRef, literal: &'a super::ast::Literal) {
        use super::ast::Content;
        match (&literal.content, of.nullable()) {
            (Content::Variable(name), _) => self.usage(of, name, literal.place),
            (Content::List(items), TypeRef::List(inner)) => {
                for item in items {
                    self.usages(inner, item);
                }
            }
            (Content::Object(entries), _) => {
                let found = self.types.base(of);
                for entry in entries {
                    let inputs = found.as_ref().map(|found| found.inputs()).unwrap_or_default();
                    let field = inputs.iter().find(|field| field.name == entry.name);
                    match field.map(|field| field.of.clone()) {
                        Some(inner) => self.usages(&inner, &entry.value),
                        None => self
                            .used_variables
                            .extend(entry.value.variables().into_iter().map(|(name, _)| name)),
                    }
                }
            }
            _ => {}
        }
    }

    fn usage(&mut self, of: &TypeRef, name: &'a str, place: super::ast::Place) {
        self.used_variables.insert(name);
        let declared = self.operation.variables.iter().find(|one| one.name == name);
        let fault = match declared {
            None => Fault {
                message: format!("Variable \"${name}\" is not defined{}.", self.in_operation()),
                places: vec![place, self.operation.place],
            },
            Some(variable) if !may_stand(variable, of) => Fault {
                message: format!(
                    "Variable \"${name}\" of type \"{}\" used in position expecting type \"{of}\".",
                    variable.of
                ),
                places: vec![variable.place, place],
            },
            Some(_) => return,
        };
        self.faults.push(fault);
    }

    fn conditions(&mut self, field: &'a Field) {
        for directive in &field.directives {
            if !matches!(directive.name.as_str(), "include" | "skip") {
                let message = format!("Unknown directive \"@{}\".", directive.name);
                self.faults.push(Fault::new(message, directive.place));
            }
            for argument in &directive.arguments {
                self.usages(&TypeRef::named("Boolean").required(), &argument.value);
            }
        }
    }

    fn in_operation(&self) -> String {
        let name = self.operation.name.as_ref();
        name.map(|name| format!(" by operation \"{name}\"")).unwrap_or_default()
    }

    fn leftovers(&mut self) {
        let operation = self.operation;
        let within = operation.name.as_ref();
        let within = within.map(|name| format!(" in operation \"{name}\"")).unwrap_or_default();
        for variable in &operation.variables {
            if !self.used_variables.contains(variable.name.as_str()) {
                let message = format!("Variable \"${}\" is never used{within}.", variable.name);
                self.faults.push(Fault::new(message, variable.place));
            }
        }
        for fragment in &self.document.fragments {
            if !self.used_fragments.contains(fragment.name.as_str()) {
                let message = format!("Fragment \"{}\" is never used.", fragment.name);
                self.faults.push(Fault::new(message, fragment.place));
            }
        }
    }
}

fn spelled(arguments: &[Argument]) -> Vec<(String, String)> {
    let mut all: Vec<_> =
        arguments.iter().map(|one| (one.name.clone(), one.value.spelled())).collect();
    all.sort();
    all
}

/// Whether a variable's type fits a place: it may be stricter, and a default makes up for a missing `!`.
fn may_stand(variable: &Variable, of: &TypeRef) -> bool {
    let defaulted = variable.default.is_some() && !variable.of.is_required();
    fits(&variable.of, if defaulted { of.nullable() } else { of })
}

fn fits(given: &TypeRef, wanted: &TypeRef) -> bool {
    match (given, wanted) {
        (TypeRef::NonNull(given), TypeRef::NonNull(wanted))
        | (TypeRef::List(given), TypeRef::List(wanted)) => fits(given, wanted),
        (TypeRef::NonNull(given), _) => fits(given, wanted),
        (TypeRef::Named(given), TypeRef::Named(wanted)) => given == wanted,
        _ => false,
    }
}

/// The fault of an operation of a kind that the schema does not have.
pub(super) fn no_root(operation: &Operation) -> Fault {
    let kind = match operation.kind {
        OperationKind::Query => "query",
        OperationKind::Mutation => "mutation",
        OperationKind::Subscription => "subscription",
    };
    Fault::new(format!("Schema is not configured to execute {kind} operation."), operation.place)
}
