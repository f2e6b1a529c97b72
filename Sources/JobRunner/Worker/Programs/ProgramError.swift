import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Why a directory of programs could not be read or a program not be started.
package enum ProgramError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The directory cannot be listed.
    case directory(path: String, errno: Int32)
    /// There is no such file; it was there when the directory was read.
    case notFound(path: String)
    /// The file is no longer executable by this user.
    case notExecutable(path: String)
    /// The file exists; what its `#!` line names does not.
    case interpreterNotFound(path: String)
    /// Neither a binary of this machine nor a script with a `#!` line.
    case notAProgram(path: String)
    /// Somebody has the file open for writing: it is being replaced.
    case beingWritten(path: String)
    /// This process, or the machine, has no descriptor left.
    case outOfDescriptors(limit: UInt64, path: String)
    /// No process, or no memory, left for this user.
    case outOfProcesses(path: String, errno: Int32)
    /// Anything else `posix_spawn` said.
    case start(path: String, errno: Int32)

    /// The condition passes without anyone changing the program.
    package var isRetryable: Bool {
        switch self {
        case .beingWritten, .outOfDescriptors, .outOfProcesses: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .directory(let path, let errno): "\(path): \(Self.text(errno))"
        case .notFound(let path): "\(path): not found"
        case .notExecutable(let path): "\(path): not executable"
        case .interpreterNotFound(let path):
            "\(path): the program its first line (#!) names was not found"
        case .notAProgram(let path): "\(path): not a program; a script begins with a #! line"
        case .beingWritten(let path): "\(path): is open for writing just now"
        case .outOfDescriptors(let limit, let path):
            "out of file descriptors (limit \(limit)): \(path) was not started"
        case .outOfProcesses(let path, let errno):
            "out of processes or memory (\(Self.text(errno))): \(path) was not started"
        case .start(let path, let errno): "\(path): not started: \(Self.text(errno))"
        }
    }

    /// Names what kept `path` from being started.
    static func starting(_ path: String, errno: Int32) -> ProgramError {
        switch errno {
        case ENOENT, ENOTDIR:
            access(path, F_OK) == 0 ? .interpreterNotFound(path: path) : .notFound(path: path)
        case EACCES, EPERM: .notExecutable(path: path)
        case ENOEXEC: .notAProgram(path: path)
        case ETXTBSY: .beingWritten(path: path)
        case EMFILE, ENFILE: .outOfDescriptors(limit: descriptorLimit(), path: path)
        case EAGAIN, ENOMEM: .outOfProcesses(path: path, errno: errno)
        default: .start(path: path, errno: errno)
        }
    }

    /// Most descriptors this process may hold (`ulimit -n`).
    private static func descriptorLimit() -> UInt64 {
        var limit = rlimit()
        #if canImport(Darwin)
            getrlimit(RLIMIT_NOFILE, &limit)
        #else
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #endif
        return UInt64(limit.rlim_cur)
    }

    private static func text(_ errno: Int32) -> String {
        strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
    }
}
