import Synchronization

/// What callers want of the runner's thread.
enum ProgramCommand {
    case start(ProgramRun)
    /// Unknown ids are ignored: the run is over, or not yet there.
    case cancel(ProgramRun.ID)
    /// `now`: KILL at once instead of after the grace.
    case shutdown(now: Bool, CheckedContinuation<Void, Never>?)
}

/// Hands commands to the runner's thread and wakes it out of `poll`.
final class ProgramMailbox: Sendable {
    private struct State {
        var commands: [ProgramCommand] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake: ProgramPipe

    /// - Throws: `ProgramError.outOfDescriptors`, as the reason why `path` cannot start.
    init(for path: String) throws(ProgramError) {
        wake = try ProgramPipe(keeping: .both, for: path)
    }

    /// Readable while there are commands.
    var descriptor: Int32 { wake.read.number }

    /// Passes a command on, from any thread, without waiting.
    ///
    /// - Returns: Whether the thread will see the command; not once it has ended.
    func send(_ command: ProgramCommand) -> Bool {
        state.withLock { state in
            if state.isClosed { return false }
            state.commands.append(command)
            // One byte a batch. The pipe cannot be full, since the byte is
            // taken before the batch.
            if state.commands.count == 1 { _ = wake.write.write([0]) }
            return true
        }
    }

    /// The runner's thread: everything sent since the last call.
    func take() -> [ProgramCommand] {
        state.withLock { state in
            guard !state.commands.isEmpty else { return [] }
            withUnsafeTemporaryAllocation(byteCount: 8, alignment: 1) { buffer in
                _ = wake.read.read(into: buffer)
            }
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// The runner's thread, last: true when nothing came in meanwhile.
    func close() -> Bool {
        state.withLock { state in
            guard state.commands.isEmpty else { return false }
            state.isClosed = true
            return true
        }
    }
}
