//! What stands in the brackets of macros: those that everybody knows, and others whose arguments read as code.
//!
//! Runs on: the threads that read files. Must not: take for code what only looks like it to us.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Item, Pat, Stmt, Token};

use super::env::Env;

/// A piece of code in a macro.
pub(super) enum Part {
    Expr(Expr),
    /// An expression and what it is held to.
    Matched(Box<(Expr, Pat)>),
    Statements(Vec<Stmt>),
    Items(Vec<Item>),
}

/// Words without which nothing in a macro is of interest.
const WORDS: &[&str] = &[
    "spawn",
    "catch_unwind",
    "join",
    "set_hook",
    "take_hook",
    "exit",
    "JoinHandle",
    "should_panic",
    "Drop",
    "extern",
    "unwrap",
    "block_on",
    "execute",
];

/// Whether such a word stands anywhere in a text.
pub(super) fn mentions_words(text: &str) -> bool {
    text.contains("await") || WORDS.iter().any(|word| text.contains(word))
}

/// Whether a macro may hold something of interest.
pub(super) fn is_interesting(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            let word = ident.to_string();
            WORDS.iter().any(|known| word.contains(known)) || word == "await"
        }
        TokenTree::Group(group) => is_interesting(&group.stream()),
        _ => false,
    })
}

/// Tells the pieces of code in a macro; false when it cannot be read.
pub(super) fn look(mac: &syn::Macro, env: &Env<'_>, mut tell: impl FnMut(Part)) -> bool {
    let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let tokens = mac.tokens.clone();
    let asserts = name.starts_with("assert") || name.starts_with("debug_assert") || name == "prop_assert";
    let before = env.asserting.replace(env.asserting.get() || asserts);
    let known = match name.as_str() {
        "matches" | "assert_matches" | "debug_assert_matches" => matched(tokens, &mut tell),
        "select" | "select_biased" => {
            select(tokens, &mut tell);
            true
        }
        "cfg_if" => {
            blocks(tokens, &mut tell, 0);
            true
        }
        // A grammar of its own: what stands in braces reads as code more often than not.
        _ => {
            code(tokens.clone(), &mut tell) || {
                blocks(tokens, &mut tell, 0);
                false
            }
        }
    };
    env.asserting.set(before);
    known
}

/// Arguments, statements or items.
fn code(tokens: TokenStream, tell: &mut impl FnMut(Part)) -> bool {
    let arguments = Punctuated::<Expr, Token![,]>::parse_terminated;
    if let Ok(arguments) = arguments.parse2(tokens.clone()) {
        arguments.into_iter().for_each(|expr| tell(Part::Expr(expr)));
        return true;
    }
    if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
        tell(Part::Statements(statements));
        return true;
    }
    let items = |input: ParseStream<'_>| {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse::<Item>()?);
        }
        Ok(items)
    };
    if let Ok(items) = items.parse2(tokens.clone()) {
        tell(Part::Items(items));
        return true;
    }
    false
}

/// The first argument.
pub(super) fn first(mac: &syn::Macro) -> Option<Expr> {
    let parser = |input: ParseStream<'_>| {
        let expr = input.parse::<Expr>()?;
        let _rest: TokenStream = input.parse()?;
        Ok(expr)
    };
    parser.parse2(mac.tokens.clone()).ok()
}

/// `matches!(value, pattern)`, with more behind it.
fn matched(tokens: TokenStream, tell: &mut impl FnMut(Part)) -> bool {
    let parser = |input: ParseStream<'_>| {
        let expr = input.parse::<Expr>()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let _rest: TokenStream = input.parse()?;
        Ok((expr, pattern))
    };
    match parser.parse2(tokens) {
        Ok((expr, pattern)) => {
            tell(Part::Matched(Box::new((expr, pattern))));
            true
        }
        Err(_) => false,
    }
}

/// `pattern = future, if guard => what to do`: each piece by itself.
fn select(tokens: TokenStream, tell: &mut impl FnMut(Part)) {
    let branch = |input: ParseStream<'_>| {
        let mut found = Vec::new();
        while !input.is_empty() {
            if input.peek(syn::Ident) && (input.peek2(Token![;]) || input.peek2(Token![=>])) {
                let _word: syn::Ident = input.parse()?;
                if input.parse::<Option<Token![;]>>()?.is_some() {
                    continue;
                }
            } else if input.parse::<Option<Token![else]>>()?.is_none() {
                let _pattern = Pat::parse_multi_with_leading_vert(input)?;
                input.parse::<Token![=]>()?;
                found.push(input.parse::<Expr>()?);
                if input.parse::<Option<Token![,]>>()?.is_some() {
                    input.parse::<Token![if]>()?;
                    found.push(input.parse::<Expr>()?);
                }
            }
            input.parse::<Token![=>]>()?;
            found.push(input.parse::<Expr>()?);
            let _comma = input.parse::<Option<Token![,]>>()?;
        }
        Ok(found)
    };
    match branch.parse2(tokens.clone()) {
        Ok(found) => found.into_iter().for_each(|expr| tell(Part::Expr(expr))),
        Err(_) => blocks(tokens, tell, 0),
    }
}

/// Whatever stands in braces.
pub(super) fn blocks(tokens: TokenStream, tell: &mut impl FnMut(Part), depth: usize) {
    if depth > 8 {
        return;
    }
    for token in tokens {
        if let TokenTree::Group(group) = token
            && group.delimiter() == Delimiter::Brace
            && !code(group.stream(), tell)
        {
            blocks(group.stream(), tell, depth + 1);
        }
    }
}

/// The right sides of `macro_rules!`, with variables as names. What repeats is taken once.
pub(super) fn rules(tokens: TokenStream, tell: &mut impl FnMut(Part)) {
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let is_arrow = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '=');
        let Some(TokenTree::Punct(next)) = is_arrow.then(|| tokens.next()).flatten() else { continue };
        if next.as_char() != '>' {
            continue;
        }
        if let Some(TokenTree::Group(body)) = tokens.next() {
            let _known = code(without_variables(body.stream()), tell);
        }
    }
}

fn without_variables(tokens: TokenStream) -> TokenStream {
    let mut out = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match tokens.next() {
                Some(TokenTree::Group(group)) => {
                    out.extend(without_variables(group.stream()));
                    // The separator and the sign of the repetition.
                    while let Some(TokenTree::Punct(punct)) = tokens.peek() {
                        let ends = matches!(punct.as_char(), '*' | '+' | '?');
                        tokens.next();
                        if ends {
                            break;
                        }
                    }
                }
                Some(TokenTree::Ident(name)) if name == "crate" => {
                    out.push(TokenTree::Ident(proc_macro2::Ident::new("crate", name.span())));
                }
                Some(other) => out.push(other),
                None => {}
            },
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), without_variables(group.stream()));
                inner.set_span(group.span());
                out.push(TokenTree::Group(inner));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}
