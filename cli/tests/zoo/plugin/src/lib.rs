//! A Rust library for a program in another language, whose thread panics.

/// Lets a thread die.
#[unsafe(no_mangle)]
pub extern "C" fn let_a_thread_die() -> i32 {
    let thread = std::thread::Builder::new().name("of-the-plugin".to_owned()).spawn(|| panic!("in the plugin"));
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Err(error)) => i32::from(error.is::<&str>()),
        _ => -1,
    }
}
