//! Reads all files on all processors: first what the crates say of themselves, then what is done where.
//!
//! Runs on: threads of its own, with large stacks. Must not: end because of one file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock, mpsc};

use memchr::memmem;
use syn::visit::Visit as _;

use super::allow;
use super::clippy::{self, Facts};
use super::env::Env;
use super::index::{Collector, Index};
use super::source_file::{STACK, SourceFile, Unread};
use super::walk::{Found, Role, walk};
use crate::failure::Failure;

/// A file with nothing of these is not read further, unless it uses what other files of the workspace define.
const WORDS: &[&str] = &[
    "catch_unwind",
    "spawn",
    "JoinHandle",
    "JoinSet",
    "set_hook",
    "take_hook",
    "exit(",
    "should_panic",
    "Drop for",
    "extern ",
    "join()",
    "join_all",
    "join_next",
    "panic_handler",
    "std::thread",
    "unblock",
    "panic-agent: allow(",
    "crossbeam",
    "panic_agent",
    "threadpool",
    "(test)",
];

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) source: SourceFile,
    pub(crate) found: Found,
}

/// Reads all of them; the results are in the order of the files.
pub(crate) fn read(
    files: &[(PathBuf, String, Role)],
    facts: Option<&Facts>,
) -> Result<(Vec<Read>, Vec<Unread>), Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(files.len()).clamp(1, 16);
    let state = State {
        files,
        facts,
        next: AtomicUsize::new(0),
        index: RwLock::default(),
        read: Mutex::default(),
        unread: Mutex::default(),
    };
    // A worker sends when it has told its part of the index, and goes on when nobody holds the other end of `go`.
    let (told, hear) = mpsc::channel();
    let started = std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for _ in 0..workers {
            let (told, (go, wait)) = (told.clone(), mpsc::channel::<()>());
            let builder = std::thread::Builder::new().stack_size(STACK);
            if builder.spawn_scoped(scope, || state.work(told, wait)).is_ok() {
                waiting.push(go);
            }
        }
        drop(told);
        for _ in &waiting {
            if hear.recv().is_err() {
                break;
            }
        }
        if let Ok(mut index) = state.index.write() {
            index.finish();
        }
        waiting.len()
    });
    if started == 0 {
        return Err(Failure::new(format!("no thread can be started with a stack of {} MiB", STACK >> 20)));
    }
    let mut read = state.read.into_inner().unwrap_or_default();
    read.sort_by_key(|(number, _)| *number);
    let mut unread = state.unread.into_inner().unwrap_or_default();
    unread.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok((read.into_iter().map(|(_, read)| read).collect(), unread))
}

struct State<'f> {
    files: &'f [(PathBuf, String, Role)],
    facts: Option<&'f Facts>,
    next: AtomicUsize,
    index: RwLock<Index>,
    read: Mutex<Vec<(usize, Read)>>,
    unread: Mutex<Vec<Unread>>,
}

impl State<'_> {
    fn work(&self, told: mpsc::Sender<()>, wait: mpsc::Receiver<()>) {
        let mut mine = Vec::new();
        let mut index = Index::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((path, name, role)) = self.files.get(number) else { break };
            let source = match SourceFile::read(path, name) {
                Ok(source) => source,
                Err(unread) => {
                    self.complain(unread);
                    continue;
                }
            };
            let facts = self.facts.and_then(|facts| facts.file(name));
            let wanted = facts.is_some_and(clippy::FileFacts::is_of_interest)
                || WORDS.iter().any(|word| memmem::find(source.text.as_bytes(), word.as_bytes()).is_some());
            let syntax = if wanted { self.parse(&source) } else { None };
            if let Some(syntax) = &syntax {
                let collected = self.guarded(&source, || {
                    let mut collector = Collector::new(&role.module);
                    collector.visit_file(syntax);
                    collector.index
                });
                index.merge(collected.unwrap_or_default());
            }
            mine.push((number, source, syntax, wanted));
        }
        if let Ok(mut all) = self.index.write() {
            all.merge(index);
        }
        // Nobody hears it when all others have failed.
        let _heard = told.send(());
        let _gone = wait.recv();
        let Ok(index) = self.index.read() else { return };
        let words: Vec<_> = index.words().iter().map(|word| memmem::Finder::new(word.as_bytes())).collect();
        for (number, source, syntax, wanted) in mine {
            let uses = !wanted && words.iter().any(|word| word.find(source.text.as_bytes()).is_some());
            let syntax = if uses { self.parse(&source) } else { syntax };
            let mut found = Found::default();
            if let (Some(syntax), Some((_, _, role))) = (&syntax, self.files.get(number)) {
                let facts = self.facts.and_then(|facts| facts.file(&source.name));
                let env = Env::new(&index, facts);
                found = self.guarded(&source, || walk(&env, &source, role, syntax)).unwrap_or_default();
                if let Some(facts) = facts {
                    clippy::confirm(facts, &source, role, &mut found);
                }
            }
            allow::apply(&source, &mut found);
            if let Ok(mut read) = self.read.lock() {
                read.push((number, Read { source, found }));
            }
        }
    }

    fn parse(&self, source: &SourceFile) -> Option<syn::File> {
        match self.guarded(source, || source.parse())? {
            Ok(syntax) => Some(syntax),
            Err(unread) => {
                self.complain(unread);
                None
            }
        }
    }

    /// A fault of the tool costs one file.
    fn guarded<T>(&self, source: &SourceFile, read: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(value) => Some(value),
            Err(payload) => {
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
                self.complain(Unread {
                    file: source.name.clone(),
                    line: 1,
                    column: 1,
                    reason: format!("a fault of this tool: {text}"),
                });
                None
            }
        }
    }

    fn complain(&self, unread: Unread) {
        if let Ok(mut all) = self.unread.lock() {
            all.push(unread);
        }
    }
}
