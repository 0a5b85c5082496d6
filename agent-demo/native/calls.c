/* C code between Rust callers and Rust callbacks, compiled with unwind tables. */
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>

typedef void (*demo_callback)(void);

/* A plain C caller: a panic may pass through it. The assignment after the call keeps this frame on the
   stack in optimised builds. */
int demo_call(demo_callback callback)
{
    volatile int done = 0;
    callback();
    done = 1;
    return done;
}

static void *demo_thread_start(void *argument)
{
    demo_callback callback = *(demo_callback *)argument;
    volatile int done = 0;
    callback();
    done = 1;
    return done ? NULL : argument;
}

/* Runs the callback on a thread that Rust's std did not create; no frame of it catches anything. */
int demo_call_on_foreign_thread(demo_callback callback)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, demo_thread_start, &callback);
    if (error != 0)
        return error;
    return pthread_join(thread, NULL);
}

static void *demo_thread_exits_process(void *argument)
{
    (void)argument;
    exit(0);
}

/* Calls exit(0) from a foreign thread, so that exit handlers run on a stack without any catch. */
int demo_exit_on_foreign_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, demo_thread_exits_process, NULL);
    if (error != 0)
        return error;
    return pthread_join(thread, NULL);
}

/* An exit handler may unwind as far as C is concerned; Rust's declaration of atexit may not. */
int demo_at_exit(demo_callback callback)
{
    return atexit(callback);
}

static __thread jmp_buf demo_place;

/* Runs the callback; 1 when it did not return but left by demo_leave. */
int demo_come_back(demo_callback callback)
{
    if (setjmp(demo_place) != 0)
        return 1;
    callback();
    return 0;
}

/* Goes on behind demo_come_back, whatever frames lie between. */
void demo_leave(void)
{
    longjmp(demo_place, 1);
}
