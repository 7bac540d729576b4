//! A parsed document.
//!
//! Every node keeps its place, because messages about it carry line and column.

/// Line and column, both from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A request's text.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
}

/// What an operation may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationKind {
    Query,
    Mutation,
    Subscription,
}

/// One operation of a document.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) kind: OperationKind,
    pub(super) name: Option<String>,
    pub(super) variables: Vec<Variable>,
    pub(super) selection: Vec<Selection>,
    pub(super) place: Place,
}

/// A variable's declaration.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) of: TypeRef,
    pub(super) default: Option<Literal>,
    pub(super) place: Place,
    pub(super) type_place: Place,
}

/// A reference to a type, as documents and schemas spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypeRef {
    Named(String),
    List(Box<TypeRef>),
    NonNull(Box<TypeRef>),
}

/// A named piece of a selection.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) on: String,
    pub(super) selection: Vec<Selection>,
    pub(super) place: Place,
}

/// One entry between braces.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    Field(Box<Field>),
    Spread { name: String, directives: Vec<Directive>, place: Place },
    Inline { on: Option<String>, directives: Vec<Directive>, selection: Vec<Selection> },
}

/// A field with everything that stands on it.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) directives: Vec<Directive>,
    pub(super) selection: Vec<Selection>,
    pub(super) place: Place,
}

/// A named value: an argument of a field or directive, or a key of an input object.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Literal,
    pub(super) place: Place,
}

/// `@include` and its like.
#[derive(Debug, Clone)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) place: Place,
}

/// A value in a document, with its place.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) content: Content,
    pub(super) place: Place,
}

/// What a literal holds. Numbers stay text: the target type decides what they become.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Variable(String),
    Int(String),
    Float(String),
    Text(String),
    Boolean(bool),
    Null,
    Enum(String),
    List(Vec<Literal>),
    Object(Vec<Argument>),
}

impl TypeRef {
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self::Named(name.into())
    }

    #[must_use]
    pub(super) fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    #[must_use]
    pub(super) fn required(self) -> Self {
        Self::NonNull(Box::new(self))
    }

    /// The name inside all wrappers.
    pub(super) fn base(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::NonNull(inner) => inner.base(),
        }
    }

    pub(super) fn is_required(&self) -> bool {
        matches!(self, Self::NonNull(_))
    }

    /// Without the outer exclamation mark.
    pub(super) fn nullable(&self) -> &Self {
        match self {
            Self::NonNull(inner) => inner,
            other => other,
        }
    }
}

impl std::fmt::Display for TypeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(inner) => write!(f, "[{inner}]"),
            Self::NonNull(inner) => write!(f, "{inner}!"),
        }
    }
}

impl Field {
    /// The key in the answer.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

impl Literal {
    /// The literal as the document would spell it on one line, which is how messages quote it.
    pub(super) fn spelled(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(", ");
        match &self.content {
            Content::Variable(name) => format!("${name}"),
            Content::Int(text) | Content::Float(text) | Content::Enum(text) => text.clone(),
            Content::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Content::Boolean(flag) => flag.to_string(),
            Content::Null => "null".to_owned(),
            Content::List(items) => {
                format!("[{}]", joined(items.iter().map(Self::spelled).collect()))
            }
            Content::Object(entries) => {
                let entry = |one: &Argument| format!("{}: {}", one.name, one.value.spelled());
                format!("{{ {} }}", joined(entries.iter().map(entry).collect()))
            }
        }
    }

    /// The variables inside, with their places.
    pub(super) fn variables(&self) -> Vec<(&str, Place)> {
        match &self.content {
            Content::Variable(name) => vec![(name, self.place)],
            Content::List(items) => items.iter().flat_map(Self::variables).collect(),
            Content::Object(entries) => {
                entries.iter().flat_map(|entry| entry.value.variables()).collect()
            }
            _ => Vec::new(),
        }
    }
}
