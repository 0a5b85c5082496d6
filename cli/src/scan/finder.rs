//! What becomes of a name in the code behind it.
//!
//! Runs on: the threads that read files. Must not: take as unused what a macro or a format string may use.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Stmt};

use super::binding;
use super::env::Env;
use super::fate::{Body, Fate};
use super::flow::{self, Flow};
use super::kind::{Core, Kind, Wrap};
use super::macros;
use super::names;

/// Most searches inside of another; beyond that a name counts as used.
const MAX_SEARCHES: u32 = 4;

/// Expressions that the searches which one search began may look at: names that get other names a thousand times.
const MAX_INNER_LOOKS: u32 = 2_000;

/// Everything that becomes of a name in what runs for a pattern.
pub(super) fn uses(env: &Env<'_>, name: &str, of: Option<Kind>, body: Option<Body<'_>>) -> Vec<Fate> {
    let Some(body) = body else { return Vec::new() };
    search(env, name, of, |finder| match body {
        Body::Expr(expr) => finder.flow(expr, Fate::Used),
        Body::Block(block) => flow::block(finder, block, Fate::Used),
    })
}

/// The same in statements.
pub(super) fn uses_in(env: &Env<'_>, name: &str, of: Option<Kind>, all: &[Stmt]) -> Vec<Fate> {
    search(env, name, of, |finder| flow::statements(finder, all, None, Fate::Used))
}

fn search<'i>(
    env: &Env<'i>,
    name: &str,
    of: Option<Kind>,
    look: impl FnOnce(&mut Finder<'_, 'i>),
) -> Vec<Fate> {
    let depth = env.searching.get();
    if depth == 0 {
        env.fuel.set(MAX_INNER_LOOKS);
    }
    if depth >= MAX_SEARCHES || env.fuel.get() == 0 || env.total.get() == 0 {
        return vec![Fate::Used];
    }
    env.searching.set(depth + 1);
    env.enter();
    env.bind(name, of);
    let mut finder = Finder { env, name, pending: Fate::Used, found: Vec::new() };
    look(&mut finder);
    let found = finder.found;
    env.leave();
    env.searching.set(depth);
    found
}

/// What is put into a list: a handle or an outcome.
pub(super) fn put_into(env: &Env<'_>, name: &str, all: &[Stmt]) -> Option<Kind> {
    env.enter();
    let mut putter = Putter { env, name, found: None };
    all.iter().for_each(|statement| putter.visit_stmt(statement));
    env.leave();
    putter.found
}

struct Putter<'e, 'i> {
    env: &'e Env<'i>,
    name: &'e str,
    found: Option<Kind>,
}

impl<'ast> Visit<'ast> for Putter<'_, '_> {
    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        // A handle may have a name before it is put into the list.
        if let (Some(init), None) = (&local.init, self.found) {
            binding::bind(self.env, &local.pat, self.env.kind_of(&init.expr));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let is_ours = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident(self.name));
        if is_ours && ["push", "push_back", "insert"].iter().any(|name| call.method == name) {
            let of = call.args.last().and_then(|value| self.env.kind_of(value));
            let interesting =
                |of: &Kind| matches!(of.core, Core::Handle(_) | Core::Outcome(_)) && of.wrap == Wrap::Bare;
            self.found = self.found.or(of.filter(interesting).map(|of| of.wrapped(Wrap::Many)));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

struct Finder<'e, 'i> {
    env: &'e Env<'i>,
    name: &'e str,
    pending: Fate,
    found: Vec<Fate>,
}

impl<'i> Flow<'i> for Finder<'_, 'i> {
    fn env(&self) -> &Env<'i> {
        self.env
    }

    fn flow(&mut self, expr: &Expr, fate: Fate) {
        self.pending = fate;
        self.visit_expr(expr);
    }

    fn is_over_at(&self, name: &str) -> bool {
        name == self.name
    }
}

impl<'ast> Visit<'ast> for Finder<'_, '_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        let fate = std::mem::replace(&mut self.pending, Fate::Used);
        let env = self.env;
        env.total.set(env.total.get().saturating_sub(1));
        if env.searching.get() > 1 {
            env.fuel.set(env.fuel.get().saturating_sub(1));
        }
        // What is not looked at may be a use.
        if env.total.get() == 0 || env.searching.get() > 1 && env.fuel.get() == 0 {
            self.found.push(Fate::Used);
            return;
        }
        if let Expr::Path(path) = expr {
            if path.path.is_ident(self.name) {
                self.found.push(fate);
            }
            return;
        }
        if !flow::parts(self, expr, fate) {
            visit::visit_expr(self, expr);
        }
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {
        // Items take no variables from around them.
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        self.visit_expr(&field.expr);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if !mentions(&mac.tokens, self.name) {
            return;
        }
        let before = self.found.len();
        let known = macros::look(mac, self.env, |part| match part {
            macros::Part::Expr(expr) => self.flow(&expr, Fate::Used),
            macros::Part::Matched(both) => {
                let (expr, pattern) = *both;
                let arms = [(Some(&pattern), None, None)];
                let fate = match self.env.kind_of(&expr) {
                    Some(of) => super::fate::of_match(self.env, of, &arms),
                    None => Fate::Used,
                };
                self.flow(&expr, fate);
            }
            macros::Part::Statements(all) => flow::statements(self, &all, None, Fate::Used),
            macros::Part::Items(_) => {}
        });
        // What is only in a format string, or cannot be read, is used.
        if !known || self.found.len() == before {
            self.found.push(Fate::Used);
        }
    }
}

/// Whether a name is among tokens, or in a format string.
fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names::plain(&ident) == name,
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.contains('"')
                && (text.contains(&format!("{{{name}}}")) || text.contains(&format!("{{{name}:")))
        }
        TokenTree::Punct(_) => false,
    })
}
