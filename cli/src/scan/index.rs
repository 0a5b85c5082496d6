//! What the crates of the workspace themselves say: functions that return handles, fields that hold them, aliases, and
//! names that are handed on. It is put together from all files before any is judged.
//!
//! Runs on: the threads that read files. Must not: hold syntax.

use std::collections::{HashMap, HashSet};

use syn::visit::{self, Visit};

use super::kind::{Kind, Wrap};
use super::known;
use super::names::{self, Names, join};
use super::types::{TypeRef, type_ref};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Index {
    functions: HashMap<String, TypeRef>,
    /// By crate and name; `None`: several that differ.
    methods: HashMap<String, Option<TypeRef>>,
    fields: HashMap<String, Option<TypeRef>>,
    aliases: HashMap<String, TypeRef>,
    exports: HashMap<String, String>,
    globs: HashMap<String, Vec<String>>,
    /// Whether some pool has a handler of panics.
    pub(super) has_panic_handler: bool,
    /// Modules in files of their own that are compiled for tests only.
    test_modules: HashSet<String>,
    words: Words,
}

/// Names that lead to a kind: most methods and fields are known by theirs to be of no interest.
#[derive(Debug, Default)]
struct Words {
    functions: Vec<String>,
    methods: HashSet<String>,
    fields: HashSet<String>,
    /// Whether a hook may be set by a name of its own.
    renames_hook: bool,
}

/// Longest chain of aliases.
const MAX_STEPS: usize = 8;

impl Index {
    pub(super) fn merge(&mut self, other: Self) {
        self.functions.extend(other.functions);
        self.aliases.extend(other.aliases);
        self.exports.extend(other.exports);
        for (module, paths) in other.globs {
            self.globs.entry(module).or_default().extend(paths);
        }
        for (mine, theirs) in [(&mut self.methods, other.methods), (&mut self.fields, other.fields)] {
            for (name, kind) in theirs {
                note(mine, name, kind);
            }
        }
        self.has_panic_handler |= other.has_panic_handler;
        self.test_modules.extend(other.test_modules);
    }

    /// Comes after the last [`Self::merge`], and before anything is asked.
    pub(super) fn finish(&mut self) {
        let last = |name: &String| name.rsplit("::").next().unwrap_or_default().to_owned();
        let known = |map: &HashMap<String, Option<TypeRef>>| -> HashSet<String> {
            let is_known = |of: &Option<TypeRef>| of.as_ref().is_some_and(|of| self.kind(of).is_some());
            map.iter().filter(|(_, of)| is_known(of)).map(|(name, _)| last(name)).collect()
        };
        let (methods, fields) = (known(&self.methods), known(&self.fields));
        let functions = self.functions.iter().filter(|(_, of)| self.kind(of).is_some());
        let functions = functions.map(|(name, _)| last(name)).chain(methods.iter().cloned());
        let mut functions: Vec<String> = functions.filter(|word| word != "new").collect();
        functions.sort_unstable();
        functions.dedup();
        let renames_hook =
            self.exports.iter().any(|(name, to)| to.ends_with("set_hook") && !name.ends_with("set_hook"));
        self.words = Words { functions, methods, fields, renames_hook };
    }

    /// Names of own functions and methods that give handles or outcomes: files with them are read, too.
    pub(super) fn words(&self) -> &[String] {
        &self.words.functions
    }

    /// Whether a file that does not mention `set_hook` may set a hook.
    pub(super) fn renames_hook(&self) -> bool {
        self.words.renames_hook
    }

    /// The path behind what other modules hand on.
    pub(super) fn behind(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..MAX_STEPS {
            let Some((to, rest)) = self.export(&path) else { break };
            path = join(&to, &rest);
        }
        path
    }

    fn export(&self, path: &str) -> Option<(String, String)> {
        let mut at = path.len();
        loop {
            let (head, rest) = (path.get(..at)?, path.get(at..)?.trim_start_matches("::"));
            if let Some(to) = self.exports.get(head).filter(|to| *to != head) {
                return Some((to.clone(), rest.to_owned()));
            }
            // A glob hands on what is known to be there.
            if let Some((module, name)) = head.rsplit_once("::")
                && let Some(globs) = self.globs.get(module)
            {
                let known = globs.iter().map(|glob| join(glob, name)).find(|path| {
                    known::function(&join(path, rest)).is_some()
                        || known::type_named(path).is_some()
                        || self.functions.contains_key(path)
                });
                if let Some(to) = known {
                    return Some((to, rest.to_owned()));
                }
            }
            at = head.rfind("::")?;
        }
    }

    /// Whether a module, or one around it, is compiled for tests only.
    pub(super) fn is_test(&self, module: &str) -> bool {
        let ends = module.match_indices("::").map(|(at, _)| at).chain([module.len()]);
        ends.filter_map(|end| module.get(..end)).any(|module| self.test_modules.contains(module))
    }

    pub(super) fn function(&self, path: &str) -> Option<Kind> {
        self.kind(self.functions.get(path)?)
    }

    pub(super) fn has_function(&self, path: &str) -> bool {
        self.functions.contains_key(path)
    }

    pub(super) fn method(&self, of: &str, name: &str) -> Option<Kind> {
        if !self.words.methods.contains(name) {
            return None;
        }
        self.kind(self.methods.get(&join(of, name))?.as_ref()?)
    }

    /// Whether a crate has a method of that name.
    pub(super) fn has_method(&self, of: &str, name: &str) -> bool {
        self.methods.contains_key(&join(of, name))
    }

    pub(super) fn field(&self, of: &str, name: &str) -> Option<Kind> {
        if !self.words.fields.contains(name) {
            return None;
        }
        self.kind(self.fields.get(&join(of, name))?.as_ref()?)
    }

    /// What a type is.
    pub(super) fn kind(&self, of: &TypeRef) -> Option<Kind> {
        self.kind_within(of, MAX_STEPS)
    }

    fn kind_within(&self, of: &TypeRef, steps: usize) -> Option<Kind> {
        let (paths, wrap) = match of {
            TypeRef::Known(kind) => return Some(*kind),
            TypeRef::Named(paths, wrap) => (paths, *wrap),
        };
        let kind = paths.iter().find_map(|path| {
            let path = self.behind(path);
            let alias = || self.kind_within(self.aliases.get(&path)?, steps.checked_sub(1)?);
            known::type_named(&path).or_else(alias)
        })?;
        Some(if wrap == Wrap::Bare { kind } else { kind.wrapped(wrap) })
    }
}

/// Two that differ are none.
fn note(map: &mut HashMap<String, Option<TypeRef>>, name: String, of: Option<TypeRef>) {
    map.entry(name)
        .and_modify(|known| {
            if *known != of {
                *known = None
            }
        })
        .or_insert(of);
}

/// Takes the types of a file into an index.
pub(super) struct Collector {
    pub(super) index: Index,
    names: Names,
}

impl Collector {
    pub(super) fn new(module: &str) -> Self {
        let mut names = Names::default();
        names.enter(Some(module.to_owned()));
        Self { index: Index::default(), names }
    }

    fn of_crate(&self) -> String {
        self.names.module().split("::").next().unwrap_or_default().to_owned()
    }

    fn returned(&self, signature: &syn::Signature) -> Option<TypeRef> {
        let syn::ReturnType::Type(_, of) = &signature.output else { return None };
        let of = type_ref(of, &self.names, 0)?;
        let Some(_) = signature.asyncness.as_ref() else { return Some(of) };
        Some(match of {
            TypeRef::Known(kind) => TypeRef::Known(future(kind)),
            TypeRef::Named(paths, Wrap::Bare) => TypeRef::Named(paths, Wrap::Future),
            TypeRef::Named(paths, Wrap::Option) => TypeRef::Named(paths, Wrap::FutureOption),
            TypeRef::Named(paths, Wrap::Many) => TypeRef::Named(paths, Wrap::FutureMany),
            TypeRef::Named(..) => return None,
        })
    }

    fn method(&mut self, signature: &syn::Signature) {
        let of = self.returned(signature);
        let name = join(&self.of_crate(), &names::plain(&signature.ident));
        note(&mut self.index.methods, name, of);
    }
}

fn future(kind: Kind) -> Kind {
    if kind.wrap == Wrap::Bare { kind.wrapped(Wrap::Future) } else { kind }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let module = join(self.names.module(), &names::plain(&item.ident));
        let Some((_, items)) = &item.content else {
            if super::walk::is_test(&item.attrs) {
                self.index.test_modules.insert(module);
            }
            return;
        };
        self.names.enter(Some(module));
        take_uses(&mut self.names, items.iter());
        items.iter().for_each(|item| self.visit_item(item));
        self.names.leave();
    }

    fn visit_file(&mut self, file: &'ast syn::File) {
        take_uses(&mut self.names, file.items.iter());
        visit::visit_file(self, file);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) {
            return;
        }
        let module = self.names.module().to_owned();
        let index = &mut self.index;
        let mut names = std::mem::take(&mut self.names);
        names.take(&item.tree, |name, path| {
            if name == "*" {
                index.globs.entry(module.clone()).or_default().push(path.to_owned());
            } else {
                index.exports.insert(join(&module, name), path.to_owned());
            }
        });
        self.names = names;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if let Some(of) = self.returned(&item.sig) {
            self.index.functions.insert(join(self.names.module(), &names::plain(&item.sig.ident)), of);
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let syn::Type::Path(of) = &*item.self_ty
            && let Some(own) = of.path.segments.last()
        {
            let own = join(self.names.module(), &names::plain(&own.ident));
            for part in &item.items {
                if let syn::ImplItem::Fn(function) = part
                    && let Some(of) = self.returned(&function.sig)
                {
                    self.index.functions.insert(join(&own, &names::plain(&function.sig.ident)), of);
                }
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if item.sig.receiver().is_some() {
            self.method(&item.sig);
        }
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if item.sig.receiver().is_some() {
            self.method(&item.sig);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        if let Some(of) = type_ref(&item.ty, &self.names, 0) {
            self.index.aliases.insert(join(self.names.module(), &names::plain(&item.ident)), of);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(ident) = &field.ident {
            let of = type_ref(&field.ty, &self.names, 0);
            let name = join(&self.of_crate(), &names::plain(ident));
            note(&mut self.index.fields, name, of);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.index.has_panic_handler |= call.method == "panic_handler";
        visit::visit_expr_method_call(self, call);
    }
}

/// `use` is in force before its line, too.
pub(super) fn take_uses<'a>(names: &mut Names, items: impl Iterator<Item = &'a syn::Item> + Clone) {
    // Twice: one may build on another that comes later.
    for _ in 0..2 {
        for item in items.clone() {
            match item {
                syn::Item::Use(item) => names.take(&item.tree, |_, _| {}),
                syn::Item::ExternCrate(item) => {
                    if let Some((_, to)) = &item.rename {
                        names.rename(&names::plain(to), &names::plain(&item.ident));
                    }
                }
                _ => {}
            }
        }
    }
}
