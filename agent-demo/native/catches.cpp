// C++ frames between Rust callers and Rust callbacks. A Rust panic is a foreign exception to them.

typedef void (*demo_callback)();

extern "C" int demo_cpp_throw()
{
    throw 42;
}

// Swallows every exception, also foreign ones.
extern "C" int demo_cpp_catch_all(demo_callback callback)
{
    try {
        callback();
    } catch (...) {
        return 1;
    }
    return 0;
}

// Catches int only: a foreign exception passes.
extern "C" int demo_cpp_catch_int(demo_callback callback)
{
    try {
        callback();
    } catch (int) {
        return 1;
    }
    return 0;
}

// Nothing may leave it: std::terminate.
extern "C" int demo_cpp_noexcept(demo_callback callback) noexcept
{
    volatile int done = 0;
    callback();
    done = 1;
    return done;
}

// Catches everything and throws it again.
extern "C" int demo_cpp_rethrow(demo_callback callback)
{
    try {
        callback();
    } catch (...) {
        throw;
    }
    return 0;
}
