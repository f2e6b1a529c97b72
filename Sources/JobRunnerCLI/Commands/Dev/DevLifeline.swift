internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The shell that outlives `dev` for a moment, to stop what `dev` started.
///
/// It reads a pipe: each line is the ids of the worker and of Redis, 0 for none. When `dev` ends,
/// however it ends, the kernel closes the pipe, and that is the order. `PR_SET_PDEATHSIG` would
/// not do: it fires when the *thread* that started the child ends, and threads of Swift's pool
/// come and go; it is cleared by the `exec` of some programs, and there is none on macOS.
///
/// It holds the directory's lock as well (descriptor 3), so that the next `dev` starts only when
/// nothing of the last one is left. QUIT is what stops a worker at once: jobs are given back, and
/// the programs it runs are killed. Redis saves its file on TERM.
final class DevLifeline: Sendable {
    private static let script = """
        trap '' HUP INT TERM QUIT TSTP
        worker=0 redis=0
        while read -r first second; do worker=$first redis=$second; done
        gone() {
            n=0
            while kill -0 "$1" 2>/dev/null; do
                n=$((n + 1)); [ "$n" -lt 100 ] || { kill -KILL "$1"; return; }
                sleep 0.1
            done
        }
        if [ "$worker" != 0 ]; then kill -QUIT "$worker"; gone "$worker"; fi
        if [ "$redis" != 0 ]; then kill -TERM "$redis"; gone "$redis"; fi
        [ -z "$1" ] || rm -rf "$1"
        """

    private let shell: ChildProcess
    private let orders: Int32
    private let ended: AsyncStream<Void>

    /// - Parameters:
    ///   - lock: The locked descriptor.
    ///   - temporary: A directory to remove in the end.
    init(holding lock: Int32, removing temporary: String?, environment: [String: String])
        throws(CommandFailure)
    {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CommandFailure("cannot make a pipe: \(errorText(errno))", exit: .internal)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        orders = ends[1]
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        ended = stream
        do throws(CommandFailure) {
            shell = try ChildProcess(
                "/bin/sh", ["/bin/sh", "-c", Self.script, "jobrunner-dev", temporary ?? ""],
                environment: environment, descriptors: [ends[0], -1, -1, lock]
            ) { _ in continuation.finish() }
        } catch {
            close(ends[1])
            throw error
        }
    }

    /// Says what there is to stop.
    func watch(worker: ChildProcess?, redis: ChildProcess?) {
        let ids = [worker, redis].map { process in
            process.flatMap { $0.isGone ? nil : $0.pid } ?? 0
        }
        SystemFile.write("\(ids[0]) \(ids[1])\n", to: orders)
    }

    /// Gives the order and waits until it is carried out; once.
    func end() async {
        close(orders)
        for await _ in ended {}
    }
}
