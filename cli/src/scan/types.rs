//! Types as they are written, as far as they are of interest: handles, outcomes, and what is around them.
//!
//! Runs on: the threads that read files. Must not: look further than the text.

use super::kind::{Kind, Origin, Wrap};
use super::names::{self, Names};

/// A type, as far as it is of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TypeRef {
    Known(Kind),
    /// What it may be called, and what is around it.
    Named(Vec<String>, Wrap),
}

/// A type as it is written.
pub(super) fn type_ref(of: &syn::Type, names: &Names, depth: usize) -> Option<TypeRef> {
    if depth > 16 {
        return None;
    }
    let within = |of: &syn::Type| type_ref(of, names, depth + 1);
    match of {
        syn::Type::Reference(of) => within(&of.elem),
        syn::Type::Paren(of) => within(&of.elem),
        syn::Type::Group(of) => within(&of.elem),
        syn::Type::Slice(of) => wrapped(within(&of.elem)?, Wrap::Many),
        syn::Type::Array(of) => wrapped(within(&of.elem)?, Wrap::Many),
        syn::Type::Path(of) => {
            let last = of.path.segments.last()?;
            let arguments: Vec<&syn::Type> = match &last.arguments {
                syn::PathArguments::AngleBracketed(list) => list
                    .args
                    .iter()
                    .filter_map(|argument| match argument {
                        syn::GenericArgument::Type(of) => Some(of),
                        _ => None,
                    })
                    .collect(),
                _ => Vec::new(),
            };
            match (last.ident.to_string().as_str(), arguments.as_slice()) {
                ("Option", [of]) => wrapped(within(of)?, Wrap::Option),
                ("Vec" | "VecDeque" | "FuturesUnordered" | "SmallVec" | "HashMap" | "BTreeMap", [.., of]) => {
                    wrapped(within(of)?, Wrap::Many)
                }
                ("Result", [_, error]) if is_payload(error) => {
                    Some(TypeRef::Known(Kind::outcome(Origin::Catch)))
                }
                ("Result", [of, _]) => wrapped(within(of)?, Wrap::Result),
                ("Box" | "Arc" | "Rc" | "Mutex" | "RwLock" | "RefCell" | "ManuallyDrop", [of]) => within(of),
                _ => {
                    let paths = names.candidates(&names::text(&of.path));
                    Some(TypeRef::Named(paths.into_iter().map(|(path, _)| path).collect(), Wrap::Bare))
                }
            }
        }
        _ => None,
    }
}

/// `Box<dyn Any + Send>`.
fn is_payload(of: &syn::Type) -> bool {
    let syn::Type::Path(of) = of else { return false };
    let Some(last) = of.path.segments.last().filter(|last| last.ident == "Box") else { return false };
    let syn::PathArguments::AngleBracketed(list) = &last.arguments else { return false };
    let Some(syn::GenericArgument::Type(syn::Type::TraitObject(object))) = list.args.first() else {
        return false;
    };
    object.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Any")
        }
        _ => false,
    })
}

fn wrapped(of: TypeRef, wrap: Wrap) -> Option<TypeRef> {
    match of {
        TypeRef::Known(kind) if kind.wrap == Wrap::Bare => Some(TypeRef::Known(kind.wrapped(wrap))),
        TypeRef::Named(paths, Wrap::Bare) => Some(TypeRef::Named(paths, wrap)),
        // A collection of options is a collection.
        TypeRef::Named(paths, _) if wrap == Wrap::Many => Some(TypeRef::Named(paths, wrap)),
        TypeRef::Named(paths, Wrap::Many) => Some(TypeRef::Named(paths, Wrap::Many)),
        _ => None,
    }
}
