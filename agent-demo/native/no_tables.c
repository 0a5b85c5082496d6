/* C code without unwind tables: the unwinder cannot get past it. */
typedef void (*demo_callback)(void);

int demo_call_without_tables(demo_callback callback)
{
    volatile int done = 0;
    callback();
    done = 1;
    return done;
}
