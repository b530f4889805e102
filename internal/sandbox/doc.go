// Package sandbox runs Python that models and users wrote where it can harm nothing: without network, without the machine's files, within
// limits of time, memory, processes, disk and output.
//
// # Kinds
//
//	gvisor      gVisor's runsc (the program parley-runsc): system calls of the code are answered by a kernel of its own in a
//	            process without rights. As root it runs under the uid 65534, else rootless.
//	bubblewrap  namespaces and a seccomp filter of bwrap: the machine's own kernel answers. For users who are trusted, and only after
//	            the setting sandbox.kind says so.
//	off         neither; Open says why.
//
// # A session
//
// A sandbox holds one session. In it runs the driver (driver.py), which speaks JSON over stdin and stdout, and below it, under another uid, the
// kernel with the user's code. When the code dies, runs too long or takes too much memory, the driver makes a new kernel: variables are
// lost, files stay. When the sandbox itself ends, files are lost too (ErrEnded). Sessions share nothing.
//
// What comes out of a sandbox is never believed: frames are bounded, names of files are checked, contents of files come as bytes over the pipe, so no
// link in a sandbox is followed outside of it.
//
// # Limits
//
// Processes: a cgroup of gVisor's own kernel. Memory: each process by RLIMIT_AS, all together by the driver, which looks ten times a
// second. Around all of it, for whoever gets past the driver: a cgroup of the machine (v2 where it is delegated to this process, or
// v1 where it can be written), else a watcher in this process that kills the sandbox. Runtime.Limiter names which one holds.
//
// # Invariants
//
//   - No sandbox outlives the server: runsc dies with the thread that started it, the sandbox with runsc, and a driver whose stdin ended
//     ends. What a killed server left in directories and cgroups the next one removes (sweep).
//   - Never less than was asked for: where a limit cannot be held, Start fails with the reason.
package sandbox
