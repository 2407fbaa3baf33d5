"""Runs a program and kills it just before the Nth system call that changes a file below a directory, or lets some fail.

    calls.py DIRECTORY N LOG PROGRAM ARGUMENTS...

Every such call is written to LOG, a line each, before it is made: its name and the file's. With N = 0 nothing
is killed. SIGTERM is passed on to the program. A killed program's calls end with the one that was not made.

While there is a file LOG.faults, calls that it names are not made and fail. A line of it is a number of errno(3), a
pattern of files, and names of calls: `28 engine.db* write pwrite64` is a disk that is full for the store.

The kernel stops the program only at these calls (seccomp(2), SECCOMP_RET_TRACE), and what each of them is about
is asked of the kernel (ptrace(2), PTRACE_GET_SYSCALL_INFO). Between two of them nothing outside of the process
changes, so this is every moment at which it can be killed.
"""

import ctypes
import fnmatch
import os
import platform
import signal
import struct
import sys

# What the numbers are is in the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, and
# include/uapi/asm-generic/unistd.h for arm64.
NUMBERS = {
    "x86_64": {
        "write": 1, "open": 2, "pwrite64": 18, "writev": 20, "sendfile": 40, "fsync": 74, "fdatasync": 75,
        "truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86,
        "unlink": 87, "symlink": 88, "chmod": 90, "fchmod": 91, "openat": 257, "mkdirat": 258, "unlinkat": 263,
        "renameat": 264, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "fallocate": 285, "pwritev": 296,
        "renameat2": 316, "copy_file_range": 326, "pwritev2": 328,
    },
    "aarch64": {
        "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37, "renameat": 38, "truncate": 45,
        "ftruncate": 46, "fallocate": 47, "fchmod": 52, "fchmodat": 53, "openat": 56, "write": 64, "writev": 66,
        "pwrite64": 68, "pwritev": 70, "sendfile": 71, "fsync": 82, "fdatasync": 83, "renameat2": 276,
        "copy_file_range": 285, "pwritev2": 287,
    },
}[platform.machine()]
NAMES = {number: name for name, number in NUMBERS.items()}

# Where the path is among the arguments; for all others the first argument is a file descriptor.
PATH_AT = {
    "open": 0, "truncate": 0, "rename": 0, "mkdir": 0, "rmdir": 0, "creat": 0, "link": 1, "unlink": 0,
    "symlink": 1, "chmod": 0, "openat": 1, "mkdirat": 1, "unlinkat": 1, "renameat": 1, "linkat": 3,
    "symlinkat": 2, "fchmodat": 1, "renameat2": 1,
}
FLAGS_AT = {"open": 1, "openat": 2}
O_CREAT, O_TRUNC = 0o100, 0o1000

PTRACE_TRACEME, PTRACE_CONT, PTRACE_SETOPTIONS, PTRACE_GET_SYSCALL_INFO = 0, 7, 0x4200, 0x420E
PTRACE_GETREGSET, PTRACE_SETREGSET, NT_PRSTATUS, NT_ARM_SYSTEM_CALL = 0x4204, 0x4205, 1, 0x404
TRACE_FORK, TRACE_VFORK, TRACE_CLONE, TRACE_EXEC, TRACE_SECCOMP, EXIT_KILL = 2, 4, 8, 0x10, 0x80, 0x100000
EVENT_SECCOMP = 7
WALL = 0x40000000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
RET_TRACE, RET_ALLOW = 0x7FF00000, 0x7FFF0000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, address=0, data=0):
    if libc.ptrace(request, pid, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


def stop_at_these_calls():
    """A filter that hands the calls of NUMBERS to the tracer and lets all others pass."""

    def step(code, jump_true, jump_false, value):
        return struct.pack("=HBBI", code, jump_true, jump_false, value)

    numbers = list(NUMBERS.values())
    program = [step(0x20, 0, 0, 0)]  # load the call's number
    for index, number in enumerate(numbers):
        program.append(step(0x15, len(numbers) - index, 0, number))  # equal: jump to the end
    program += [step(0x06, 0, 0, RET_ALLOW), step(0x06, 0, 0, RET_TRACE)]
    code = ctypes.create_string_buffer(b"".join(program))
    head = ctypes.create_string_buffer(struct.pack("=Hxxxxxx", len(program)) + struct.pack("=Q", ctypes.addressof(code)))
    for arguments in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0)]:
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def text_at(tid, address):
    with open(f"/proc/{tid}/mem", "rb", 0) as memory:
        memory.seek(address)
        text = b""
        while b"\0" not in text:
            # Up to the end of the page: the next one may not be there.
            text += memory.read(4096 - (address + len(text)) % 4096)
        return os.fsdecode(text.split(b"\0")[0])


def call_of(tid):
    """The name of the call that a thread is about to make, and the file that it would change, if any."""
    info = ctypes.create_string_buffer(128)
    ptrace(PTRACE_GET_SYSCALL_INFO, tid, len(info), ctypes.addressof(info))
    number, *arguments = struct.unpack_from("=7Q", info.raw, 24)
    name = NAMES[number]
    if name in FLAGS_AT and not arguments[FLAGS_AT[name]] & (O_CREAT | O_TRUNC):
        return name, None
    if name in PATH_AT:
        return name, os.path.join(os.readlink(f"/proc/{tid}/cwd"), text_at(tid, arguments[PATH_AT[name]]))
    try:
        return name, os.readlink(f"/proc/{tid}/fd/{arguments[0]}")
    except FileNotFoundError:
        return name, None  # not an open file: the call will say so


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def fail(tid, errno):
    """Lets the call that a thread is about to make fail: another number, and the answer in its place."""

    def registers(request, which, content):
        vector = Vector(ctypes.addressof(content), len(content))
        ptrace(request, tid, which, ctypes.addressof(vector))

    content = ctypes.create_string_buffer(27 * 8 if platform.machine() == "x86_64" else 34 * 8)
    registers(PTRACE_GETREGSET, NT_PRSTATUS, content)
    if platform.machine() == "x86_64":
        struct.pack_into("=q", content, 10 * 8, -errno)  # rax
        struct.pack_into("=q", content, 15 * 8, -1)  # orig_rax
    else:
        struct.pack_into("=q", content, 0, -errno)  # x0
        registers(PTRACE_SETREGSET, NT_ARM_SYSTEM_CALL, ctypes.create_string_buffer(struct.pack("=i", -1), 4))
    registers(PTRACE_SETREGSET, NT_PRSTATUS, content)


def fault(file, name, path):
    """The error that a call is to fail with, if any."""
    try:
        with open(file) as faults:
            for line in faults:
                errno, pattern, *names = line.split()
                if name in names and fnmatch.fnmatchcase(path, pattern):
                    return int(errno)
    except FileNotFoundError:
        pass
    return None


def start(program):
    pid = os.fork()
    if pid == 0:
        ptrace(PTRACE_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        stop_at_these_calls()
        os.execv(program[0], program)
    os.waitpid(pid, 0)
    options = TRACE_FORK | TRACE_VFORK | TRACE_CLONE | TRACE_EXEC | TRACE_SECCOMP | EXIT_KILL
    ptrace(PTRACE_SETOPTIONS, pid, 0, options)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    ptrace(PTRACE_CONT, pid)
    return pid


def main(directory, at, log, program):
    directory, at, count = os.path.realpath(directory), int(at), 0
    pid = start(program)
    known = {pid}
    with open(log, "w", buffering=1) as log:
        while True:
            tid, status = os.waitpid(-1, WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if tid == pid:
                    return os.waitstatus_to_exitcode(status)
                continue
            event, passed_on = status >> 16, 0
            try:
                if event == EVENT_SECCOMP:
                    name, path = call_of(tid)
                    if path and (path == directory or path.startswith(directory + "/")):
                        count += 1
                        path = os.path.relpath(path, directory)
                        log.write(f"{name} {path}\n")
                        if count == at:
                            os.kill(pid, signal.SIGKILL)
                        elif errno := fault(log.name + ".faults", name, path):
                            fail(tid, errno)
                elif event == 0 and (tid in known or os.WSTOPSIG(status) != signal.SIGSTOP):
                    passed_on = os.WSTOPSIG(status)
                known.add(tid)
                ptrace(PTRACE_CONT, tid, 0, passed_on)
            except OSError as error:
                if error.errno not in (3, 2):  # it is gone: killed meanwhile
                    raise


if __name__ == "__main__":
    code = main(*sys.argv[1:4], sys.argv[4:])
    sys.exit(code if code >= 0 else 128 - code)
