//! The agent knows whether the hook before its own is std's.

use super::*;
use crate::hook::previous::{PreviousHook, previous};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

#[test]
fn the_hook_of_std_is_told_from_others_which_stay_in_place() {
    passes_alone(|| {
        static CALLED: AtomicU64 = AtomicU64::new(0);
        let _of_the_harness = panic::take_hook();
        assert_eq!(previous(), Some(PreviousHook::Std));
        assert_eq!(previous(), Some(PreviousHook::Std), "it is in force again");
        let hooks: [Hook; 2] = {
            let more = std::hint::black_box(1);
            [
                Box::new(|_| {
                    CALLED.fetch_add(1, Ordering::Relaxed);
                }),
                Box::new(move |_| {
                    CALLED.fetch_add(more, Ordering::Relaxed);
                }),
            ]
        };
        for (calls, hook) in (1..).zip(hooks) {
            panic::set_hook(hook);
            assert!(matches!(previous(), Some(PreviousHook::Other { .. })));
            assert!(panic::catch_unwind(|| panic!("for the hook")).is_err());
            assert_eq!(CALLED.load(Ordering::Relaxed), calls);
        }
        crate::hook::ensure_hook();
        assert_eq!(previous(), None, "a hook of ours hides it");
    });
}
