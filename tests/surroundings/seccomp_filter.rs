//! A filter of system calls, as a program of the kernel's packet filter. On other architectures there is none.
//!
//! Runs on: the main thread of the programs. Must not: be put on the process that judges.

pub(crate) use filter::{AVAILABLE, install};

#[cfg(target_arch = "x86_64")]
mod filter {
    pub(crate) const AVAILABLE: bool = true;

    /// `AUDIT_ARCH_X86_64` of `linux/audit.h`.
    const ARCH: u32 = 0xc000_003e;
    /// Offsets in `struct seccomp_data`.
    const NUMBER_AT: u32 = 0;
    const ARCH_AT: u32 = 4;

    /// Lets these calls pass on every thread of the process, and kills it at any other.
    pub(crate) fn install<'a>(allowed: impl Iterator<Item = &'a str>) {
        let load = |at| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
        let is = |value, no| statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, no);
        let give = |value| statement(libc::BPF_RET | libc::BPF_K, value, 0, 0);
        let mut code =
            vec![load(ARCH_AT), is(ARCH, 1), load(NUMBER_AT), give(libc::SECCOMP_RET_KILL_PROCESS)];
        code.swap(2, 3);
        // Another architecture is killed by the statement that the first jump does not jump over.
        code[1] = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, ARCH, 1, 0);
        for call in allowed {
            code.extend([is(number(call), 1), give(libc::SECCOMP_RET_ALLOW)]);
        }
        code.push(give(libc::SECCOMP_RET_KILL_PROCESS));
        let program =
            libc::sock_fprog { len: code.len().try_into().expect("a short list"), filter: code.as_mut_ptr() };
        // SAFETY: numbers only.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
        // SAFETY: `program` and what it points to live across the call.
        let set = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_TSYNC,
                &raw const program,
            )
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }

    fn statement(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
        libc::sock_filter { code: code.try_into().expect("a short code"), jt, jf, k }
    }

    macro_rules! numbers {
        ($($name:ident = $number:ident),* $(,)?) => {
            fn number(name: &str) -> u32 {
                let number = match name {
                    $(stringify!($name) => libc::$number,)*
                    other => panic!("`{other}` has no number here"),
                };
                u32::try_from(number).expect("a small number")
            }
        };
    }

    numbers! { brk = SYS_brk,
    clock_gettime = SYS_clock_gettime,
    clock_nanosleep = SYS_clock_nanosleep,
    clone = SYS_clone,
    clone3 = SYS_clone3,
    close = SYS_close,
    exit = SYS_exit,
    exit_group = SYS_exit_group,
    fallocate = SYS_fallocate,
    fcntl = SYS_fcntl,
    flock = SYS_flock,
    ftruncate = SYS_ftruncate,
    futex = SYS_futex,
    getcwd = SYS_getcwd,
    getdents64 = SYS_getdents64,
        geteuid = SYS_geteuid,
    getpid = SYS_getpid,
    getrandom = SYS_getrandom,
    getrusage = SYS_getrusage,
    gettid = SYS_gettid,
    lseek = SYS_lseek,
    madvise = SYS_madvise,
    mkdir = SYS_mkdir,
    mmap = SYS_mmap,
    mprotect = SYS_mprotect,
    mremap = SYS_mremap,
    munmap = SYS_munmap,
    newfstatat = SYS_newfstatat,
    openat = SYS_openat,
    poll = SYS_poll,
    prctl = SYS_prctl,
    pread64 = SYS_pread64,
    pwrite64 = SYS_pwrite64,
    read = SYS_read,
    readlink = SYS_readlink,
    rename = SYS_rename,
    restart_syscall = SYS_restart_syscall,
    rseq = SYS_rseq,
    rt_sigaction = SYS_rt_sigaction,
    rt_sigprocmask = SYS_rt_sigprocmask,
    rt_sigreturn = SYS_rt_sigreturn,
    sched_getaffinity = SYS_sched_getaffinity,
    sched_yield = SYS_sched_yield,
    set_robust_list = SYS_set_robust_list,
    sigaltstack = SYS_sigaltstack,
    statx = SYS_statx,
    tgkill = SYS_tgkill,
    unlink = SYS_unlink,
    wait4 = SYS_wait4,
    write = SYS_write, }
}

#[cfg(not(target_arch = "x86_64"))]
mod filter {
    pub(crate) const AVAILABLE: bool = false;

    pub(crate) fn install<'a>(_: impl Iterator<Item = &'a str>) {}
}
