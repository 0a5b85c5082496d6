//! Goes through a file and notes its places.
//!
//! Runs on: the threads that read files. Must not: judge; `note` and the rules do.

use std::collections::HashSet;

use syn::visit::{self, Visit};
use syn::{Expr, Item, Stmt};

use super::binding;
use super::env::Env;
use super::fate::Fate;
use super::flow::{self, Flow};
use super::index::take_uses;
use super::macros::{self, Part};
use super::names::{self, join};
use super::site::{Finding, Site, Span};
use super::source_file::{SourceFile, of_span};

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) sites: Vec<Site>,
    pub(crate) findings: Vec<Finding>,
    /// Findings in code that the compiler is known to have compiled.
    pub(crate) compiled: HashSet<usize>,
    /// Functions, and whether they are of a test.
    pub(crate) functions: Vec<(Span, String, bool)>,
}

/// How a file is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Role {
    /// Path of its module, the crate first.
    pub(crate) module: String,
    /// Compiled for tests or benchmarks only.
    pub(crate) test: bool,
    /// Root of a program: its `main` is one.
    pub(crate) program: bool,
}

/// A function that we are in.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) path: String,
    pub(super) span: Span,
    pub(super) is_main: bool,
    /// Whether the hook that was set before is taken, and kept.
    pub(super) keeps_hook: bool,
}

/// The reader.
pub(super) struct Walker<'e, 'i> {
    pub(super) env: &'e Env<'i>,
    pub(super) file: &'e SourceFile,
    pub(super) role: &'e Role,
    pub(super) found: Found,
    pub(super) functions: Vec<Function>,
    /// Type of the `impl` that we are in.
    owner: Option<String>,
    pub(super) in_test: bool,
    pending: Fate,
    /// Where the value of the statement begins and ends.
    pub(super) begin: Option<proc_macro2::Span>,
    pub(super) end: Option<proc_macro2::Span>,
    /// Brackets of macros that we are in.
    macros: u32,
    /// Whether a panic hook may be set here.
    pub(super) sets_hook: bool,
}

/// Reads a file. `syntax` must be of the same thread.
pub(super) fn walk(env: &Env<'_>, file: &SourceFile, role: &Role, syntax: &syn::File) -> Found {
    env.names.borrow_mut().enter(Some(role.module.clone()));
    take_uses(&mut env.names.borrow_mut(), syntax.items.iter());
    env.enter();
    let mut walker = Walker {
        env,
        file,
        role,
        found: Found::default(),
        functions: Vec::new(),
        owner: None,
        in_test: role.test || is_test(&syntax.attrs) || env.index.is_test(&role.module),
        pending: Fate::Used,
        begin: None,
        end: None,
        macros: 0,
        sets_hook: file.text.contains("set_hook") || env.index.renames_hook() || env.has_facts(),
    };
    syntax.items.iter().for_each(|item| walker.visit_item(item));
    env.leave();
    env.names.borrow_mut().leave();
    walker.found
}

/// Deepest nesting of macros.
const MAX_MACROS: u32 = 12;

impl Walker<'_, '_> {
    fn function(
        &mut self,
        name: &proc_macro2::Ident,
        signature: &syn::Signature,
        attrs: &[syn::Attribute],
        body: &syn::Block,
    ) {
        let owner = match &self.owner {
            Some(owner) => join(self.env.names.borrow().module(), owner),
            None => self.env.names.borrow().module().to_owned(),
        };
        let outer = self.functions.last().map(|function| function.path.clone());
        let path = join(outer.as_deref().unwrap_or(&owner), &names::plain(name));
        let first = of_span(signature.fn_token.span);
        let last = of_span(body.brace_token.span.close());
        let span = Span { end_line: last.end_line, end_column: last.end_column, end: last.end, ..first };
        let is_main =
            self.role.program && name == "main" && self.functions.is_empty() && self.owner.is_none();
        let was_test = self.in_test;
        self.in_test |= is_test(attrs);
        let was_compiled = self.env.enter_function(name.span());
        self.found.functions.push((span, path.clone(), self.in_test));
        self.functions.push(Function { path, span, is_main, keeps_hook: false });
        let mut outer_locals = Vec::new();
        self.env.swap_locals(&mut outer_locals);
        self.env.enter();
        for input in &signature.inputs {
            if let syn::FnArg::Typed(typed) = input {
                binding::bind(self.env, &typed.pat, self.env.of_type(&typed.ty));
            }
        }
        let statement = (self.begin.take(), self.end.take());
        super::hooks::look_ahead(self, body);
        flow::block(self, body, Fate::Used);
        (self.begin, self.end) = statement;
        self.env.leave();
        self.env.swap_locals(&mut outer_locals);
        self.functions.pop();
        self.env.set_compiled(was_compiled);
        self.in_test = was_test;
    }

    /// Whether a macro may hold something of interest. Its text says so faster than its tokens, which are copied to be looked at.
    fn may_be_of_interest(&self, mac: &syn::Macro) -> bool {
        let span = of_span(mac.delimiter.span().join());
        let text = self.file.text.get(span.start..span.end).filter(|text| !text.is_empty());
        text.is_none_or(macros::mentions_words) && macros::is_interesting(&mac.tokens)
    }

    /// Names that blocks and modules bring.
    fn with_names<'a>(
        &mut self,
        module: Option<String>,
        items: impl Iterator<Item = &'a Item> + Clone,
        look: impl FnOnce(&mut Self),
    ) {
        self.env.names.borrow_mut().enter(module);
        take_uses(&mut self.env.names.borrow_mut(), items);
        look(self);
        self.env.names.borrow_mut().leave();
    }
}

impl<'i> Flow<'i> for Walker<'_, 'i> {
    fn env(&self) -> &Env<'i> {
        self.env
    }

    fn flow(&mut self, expr: &Expr, fate: Fate) {
        self.pending = fate;
        self.visit_expr(expr);
    }

    fn statement(&mut self, begin: Option<proc_macro2::Span>, end: Option<proc_macro2::Span>) {
        self.begin = begin;
        self.end = end;
    }
}

impl<'ast> Visit<'ast> for Walker<'_, '_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        let fate = std::mem::replace(&mut self.pending, Fate::Used);
        let statement = (self.begin, self.end);
        super::note::note(self, expr, &fate);
        let uses = match expr {
            Expr::Block(block) => Some(&block.block),
            Expr::Unsafe(block) => Some(&block.block),
            Expr::Async(block) => Some(&block.block),
            _ => None,
        };
        let items: Vec<&Item> = uses.map(|block| own_uses(block).collect()).unwrap_or_default();
        let visit = |walker: &mut Self| {
            if !flow::parts(walker, expr, fate) {
                visit::visit_expr(walker, expr);
            }
        };
        if items.is_empty() {
            visit(self)
        } else {
            self.with_names(None, items.iter().copied(), visit)
        }
        (self.begin, self.end) = statement;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, items)) = &item.content else { return };
        let module = join(self.env.names.borrow().module(), &names::plain(&item.ident));
        let was_test = self.in_test;
        self.in_test |= is_test(&item.attrs);
        self.with_names(Some(module), items.iter(), |walker| {
            items.iter().for_each(|item| walker.visit_item(item))
        });
        self.in_test = was_test;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        super::items::function(self, &item.attrs, &item.sig, Some(&item.block));
        let uses = own_uses(&item.block);
        let owner = if self.functions.is_empty() { None } else { self.owner.take() };
        self.with_names(None, uses, |walker| {
            walker.function(&item.sig.ident, &item.sig, &item.attrs, &item.block)
        });
        self.owner = owner.or(self.owner.take());
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let owner = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| names::plain(&last.ident)),
            _ => None,
        };
        let was_test = self.in_test;
        self.in_test |= is_test(&item.attrs);
        super::items::destructor(self, item);
        let before = std::mem::replace(&mut self.owner, owner);
        let functions = std::mem::take(&mut self.functions);
        visit::visit_item_impl(self, item);
        self.functions = functions;
        self.owner = before;
        self.in_test = was_test;
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let before = self.owner.replace(names::plain(&item.ident));
        visit::visit_item_trait(self, item);
        self.owner = before;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        super::items::function(self, &item.attrs, &item.sig, Some(&item.block));
        let uses = own_uses(&item.block);
        self.with_names(None, uses, |walker| {
            walker.function(&item.sig.ident, &item.sig, &item.attrs, &item.block)
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig.ident, &item.sig, &item.attrs, body);
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.mac.path.is_ident("macro_rules") {
            if self.may_be_of_interest(&item.mac) {
                let name = item.ident.as_ref().map(|name| format!("{name}!")).unwrap_or_default();
                let path = join(self.env.names.borrow().module(), &name);
                let span = of_span(item.mac.delimiter.span().join());
                self.functions.push(Function { path, span, is_main: false, keeps_hook: true });
                macros::rules(item.mac.tokens.clone(), &mut |part| self.part(part));
                self.functions.pop();
            }
            return;
        }
        self.visit_macro(&item.mac);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if self.macros >= MAX_MACROS || !self.may_be_of_interest(mac) {
            return;
        }
        self.macros += 1;
        let env = self.env;
        let _known = macros::look(mac, env, |part| self.part(part));
        self.macros -= 1;
    }
}

impl Walker<'_, '_> {
    /// A part of what a macro was given or makes. What becomes of it there is not known, so the compiler's silence says nothing.
    fn part(&mut self, part: Part) {
        let was_compiled = self.env.set_compiled(false);
        match part {
            Part::Expr(expr) => self.flow(&expr, Fate::Used),
            Part::Matched(both) => {
                let (expr, pattern) = *both;
                let fate = match self.env.kind_of(&expr) {
                    Some(of) => super::fate::of_match(self.env, of, &[(Some(&pattern), None, None)]),
                    None => Fate::Used,
                };
                self.flow(&expr, fate);
            }
            Part::Statements(all) => flow::statements(self, &all, None, Fate::Used),
            Part::Items(items) => items.iter().for_each(|item| self.visit_item(item)),
        }
        self.env.set_compiled(was_compiled);
    }
}

/// `use` inside of a block.
fn own_uses(block: &syn::Block) -> impl Iterator<Item = &Item> + Clone {
    block.stmts.iter().filter_map(|statement| match statement {
        Stmt::Item(item @ Item::Use(_)) => Some(item),
        _ => None,
    })
}

/// Whether something is compiled for tests only.
pub(super) fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let last = attr.path().segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match &attr.meta {
            syn::Meta::List(list) if last == "cfg" => {
                list.parse_args::<syn::Meta>().is_ok_and(|condition| needs_test(&condition, 0))
            }
            _ => last == "test" || last == "bench" || last == "rstest" || last == "test_case",
        }
    })
}

/// Whether a condition holds for tests only.
fn needs_test(condition: &syn::Meta, depth: usize) -> bool {
    let syn::Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let parts =
        list.parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated);
    let Ok(parts) = parts else { return false };
    let mut parts = parts.iter().map(|part| depth < 16 && needs_test(part, depth + 1));
    match &list.path {
        path if path.is_ident("all") => parts.any(|part| part),
        path if path.is_ident("any") => parts.len() > 0 && parts.all(|part| part),
        _ => false,
    }
}
