//! The type system of one request.
//!
//! The schema depends on the workspace and changes while the server runs, so types are not kept: each is built
//! from its name when a document first touches it, and forgotten with the request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{OperationKind, TypeRef};

/// A named type.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) shape: Shape,
}

/// What a type consists of.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Scalar,
    Enum(Vec<String>),
    Input(Vec<InputDef>),
    Object(Vec<FieldDef>),
}

/// A field of an output type.
#[derive(Debug, Clone)]
pub(super) struct FieldDef {
    pub(super) name: String,
    pub(super) arguments: Vec<InputDef>,
    pub(super) of: TypeRef,
}

/// An argument, or a field of an input type.
#[derive(Debug, Clone)]
pub(super) struct InputDef {
    pub(super) name: String,
    pub(super) of: TypeRef,
}

impl FieldDef {
    pub(super) fn new(name: impl Into<String>, of: TypeRef) -> Self {
        Self { name: name.into(), arguments: Vec::new(), of }
    }

    #[must_use]
    pub(super) fn taking(mut self, arguments: Vec<InputDef>) -> Self {
        self.arguments = arguments;
        self
    }
}

impl InputDef {
    pub(super) fn new(name: impl Into<String>, of: TypeRef) -> Self {
        Self { name: name.into(), of }
    }
}

/// Where types come from.
pub(super) trait Library {
    /// The shape of a type, if the schema has it.
    fn define(&self, name: &str) -> Option<Shape>;
    /// The names of all types.
    fn names(&self) -> Vec<String>;
    /// Whether the schema has mutations.
    fn has_mutations(&self) -> bool;
}

/// The types of a schema, built on demand.
pub(super) struct Types<'a> {
    library: &'a dyn Library,
    built: RefCell<HashMap<String, Option<Rc<Type>>>>,
}

/// Scalars of the language itself.
pub(super) const STANDARD_SCALARS: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

impl<'a> Types<'a> {
    pub(super) fn new(library: &'a dyn Library) -> Self {
        Self { library, built: RefCell::default() }
    }

    /// A type by name.
    pub(super) fn named(&self, name: &str) -> Option<Rc<Type>> {
        if let Some(known) = self.built.borrow().get(name) {
            return known.clone();
        }
        let shape = if STANDARD_SCALARS.contains(&name) {
            Some(Shape::Scalar)
        } else {
            super::introspection::shape(name).or_else(|| self.library.define(name))
        };
        let built = shape.map(|shape| Rc::new(Type { name: name.to_owned(), shape }));
        self.built.borrow_mut().insert(name.to_owned(), built.clone());
        built
    }

    /// The type inside the wrappers of a reference.
    pub(super) fn base(&self, of: &TypeRef) -> Option<Rc<Type>> {
        self.named(of.base())
    }

    /// The type that an operation starts at.
    pub(super) fn root(&self, kind: OperationKind) -> Option<Rc<Type>> {
        match kind {
            OperationKind::Query => self.named("Query"),
            OperationKind::Mutation if self.library.has_mutations() => self.named("Mutation"),
            OperationKind::Mutation | OperationKind::Subscription => None,
        }
    }

    /// The names of all types, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = self.library.names();
        names.extend(STANDARD_SCALARS.map(ToOwned::to_owned));
        names.extend(super::introspection::NAMES.map(ToOwned::to_owned));
        names.sort();
        names
    }
}

impl Type {
    pub(super) fn fields(&self) -> &[FieldDef] {
        match &self.shape {
            Shape::Object(fields) => fields,
            _ => &[],
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&FieldDef> {
        self.fields().iter().find(|field| field.name == name)
    }

    pub(super) fn inputs(&self) -> &[InputDef] {
        match &self.shape {
            Shape::Input(fields) => fields,
            _ => &[],
        }
    }

    /// Whether values of it need a selection.
    pub(super) fn is_object(&self) -> bool {
        matches!(self.shape, Shape::Object(_))
    }

    /// Whether a variable may have it.
    pub(super) fn is_input(&self) -> bool {
        !self.is_object()
    }
}
