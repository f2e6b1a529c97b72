import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Kills the groups of the programs that run when this process ends, however it ends.
///
/// A shell that is told of each group through a pipe. The kernel closes the pipe with this process,
/// and that is the order to kill: a job whose worker was killed by -9 does not go on beside its
/// second run. `PR_SET_PDEATHSIG` would need code between fork and exec, is Linux's alone, and
/// would spare whatever the program has started.
///
/// Without a `/bin/sh` there is none, and programs are left behind.
///
/// Not Sendable: made, used and let go of on the runner's thread.
final class ProgramLifeline {
    private static let shell = "/bin/sh"
    /// Signals to a whole terminal or service are not meant for it: it ends with this process.
    private static let script = """
        trap '' HUP INT QUIT TERM
        groups=' '
        add() { groups="$groups$1 "; }
        drop() { groups="${groups%% $1 *} ${groups#* $1 }"; }
        trap 'for group in $groups; do kill -s KILL -- "-$group"; done' EXIT

        """

    /// Process groups that run.
    private var groups = Set<pid_t>()
    private var pid: pid_t?
    private var input: ProgramDescriptor?
    /// There is no shell here.
    private var isHopeless = false

    deinit { end() }

    /// A program was started.
    func add(_ group: pid_t) {
        groups.insert(group)
        if input != nil { tell("add \(group)\n") }
        if input == nil { start() }
    }

    /// A program has ended; call it before it is reaped, while nobody else can have its id.
    func drop(_ group: pid_t) {
        groups.remove(group)
        if input != nil { tell("drop \(group)\n") }
    }

    private func start() {
        guard !isHopeless, let pipe = try? ProgramPipe(keeping: .write, for: Self.shell) else {
            return
        }
        let nowhere = ProgramDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
        var pid: pid_t = 0
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let failure = jr_spawn(
            Self.shell, &environment, pipe.read.number, nowhere.number, nowhere.number, &pid)
        guard failure == 0 else {
            // Descriptors may be there the next time.
            isHopeless = access(Self.shell, X_OK) != 0
            return
        }
        self.pid = pid
        input = .some(pipe.write)
        tell(Self.script + groups.map { "add \($0)\n" }.joined())
    }

    /// One write: a line is whole or not there.
    ///
    /// A shell that is gone is replaced by an `add`.
    private func tell(_ text: String) {
        if input?.write(Array(text.utf8)[...]) == nil { end() }
    }

    private func end() {
        input = nil
        guard let pid else { return }
        self.pid = nil
        // It ends by itself; stopped or not, nobody waits for it.
        kill(pid, SIGKILL)
        jr_reap(pid)
    }
}
