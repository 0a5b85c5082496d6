/* Preloaded: opening or first reading the running executable takes SLOW_MS milliseconds, as from a slow disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void) {
    const char *text = getenv("SLOW_MS");
    long ms = text ? atol(text) : 0;
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static int is_executable(const struct stat *file) {
    struct stat executable;
    return stat("/proc/self/exe", &executable) == 0 && executable.st_ino == file->st_ino &&
           executable.st_dev == file->st_dev;
}

static void opened(const char *path) {
    struct stat file;
    if (stat(path, &file) == 0 && is_executable(&file)) {
        wait_for_disk();
    }
}

#define OPEN(name)                                                     \
    int name(const char *path, int flags, ...) {                       \
        static int (*real)(const char *, int, ...);                    \
        va_list rest;                                                  \
        va_start(rest, flags);                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                  \
        if (!real) {                                                   \
            real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        }                                                              \
        opened(path);                                                  \
        return real(path, flags, mode);                                \
    }

OPEN(open)
OPEN(open64)
