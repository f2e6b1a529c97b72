internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A child process: spawned into a process group of its own, signalled, reaped.
///
/// Of `dev`, of `bench` and of the supervisor. (Programs of jobs are `ProgramProcess`: they have
/// pipes, and groups that are killed.)
final class ChildProcess: Sendable {
    /// How it ended.
    enum End: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)

        var text: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .signalled(let number): "signal \(SignalName.text(number))"
            }
        }
    }

    /// The file that this process runs.
    ///
    /// On Linux that very file, even when another was put in its place since.
    static var ownExecutable: String {
        #if canImport(Darwin)
            ExecutablePath.ofThisProcess()
        #else
            "/proc/self/exe"
        #endif
    }

    let pid: pid_t
    private let end = Mutex<End?>(nil)

    /// - Parameters:
    ///   - path: The executable; not looked up in `PATH`.
    ///   - words: Its command line, its own name first.
    ///   - descriptors: What becomes its descriptors 0, 1, …; -1 is `/dev/null`.
    ///   - onEnd: Called once, on a thread of its own, when the process is gone and reaped.
    init(
        _ path: String, _ words: [String], environment: [String: String], descriptors: [Int32],
        onEnd: @escaping @Sendable (End) -> Void
    ) throws(CommandFailure) {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        // Above all numbers that are given away: else one could overwrite a source of the next.
        let above = Int32(descriptors.count)
        let sources = descriptors.map { $0 < 0 ? -1 : fcntl($0, F_DUPFD_CLOEXEC, above) }
        defer { for source in sources where source >= 0 { close(source) } }
        for (number, (descriptor, source)) in zip(Int32(0)..., zip(descriptors, sources)) {
            if descriptor >= 0 {
                posix_spawn_file_actions_adddup2(&actions, source, number)
            } else {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            }
        }
        // A group of its own: Ctrl-C is for its parent, which then ends it in good order.
        posix_spawnattr_setpgroup(&attributes, 0)
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        var flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        #if canImport(Darwin)
            flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let arguments = words.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        let variables =
            environment.map { strdup("\($0.key)=\($0.value)") as UnsafeMutablePointer<CChar>? }
            + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, path, &actions, &attributes, arguments, variables)
        guard failure == 0 else {
            throw CommandFailure(
                "cannot start \(escaped(path)): \(errorText(failure))", exit: .internal)
        }
        pid = child
        startCommandThread("child") { [self] in onEnd(wait()) }
    }

    var isGone: Bool { end.withLock { $0 != nil } }

    /// Nothing happens when it is gone.
    func signal(_ number: Int32) {
        end.withLock { end in
            // Until it is reaped, which is under this lock too, the id cannot be another's.
            if end == nil { _ = kill(pid, number) }
        }
    }

    private func wait() -> End {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return end.withLock { end in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let ended: End =
                status & 0x7F == 0
                ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
            end = ended
            return ended
        }
    }
}
