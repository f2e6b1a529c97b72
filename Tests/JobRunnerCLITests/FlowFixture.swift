import JobRunner
import JobRunnerTesting
import Synchronization

@testable import JobRunnerCLI

/// Returns its number.
struct First: Job {
    static let name = "first"
    typealias Output = Int
    var value: Int
}

/// Adds to what it takes; fails while it is told to.
struct Plus: Job {
    static let name = "plus"
    typealias Input = Int
    typealias Output = Int
    var term: Int
}

struct Total: Job {
    static let name = "total"
    typealias Input = [Int]
    typealias Output = Int
}

/// Is told of a failure.
struct Told: Job {
    static let name = "told"
    typealias Input = WorkflowFailure
}

/// Runs until it is cancelled, or let go.
struct Held: Job {
    static let name = "held"
    typealias Output = Int
}

struct NoSuchHost: Error, CustomStringConvertible {
    var description: String { "no such host" }
}

/// Handlers of a workflow, and what they are to do.
final class FlowHandlers: Sendable {
    private struct State {
        var isBroken = true
        var isHeld = true
        var runs: [String] = []
        var waiting: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    /// The ids of jobs that were run, in order.
    var runs: [String] { state.withLock { $0.runs } }
    func mend() { state.withLock { $0.isBroken = false } }
    func letGo() { state.withLock { $0.isHeld = false } }

    /// Returns when so many were run.
    func ran(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.runs.count >= count { return true }
                state.waiting = (count, continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func run(_ id: String) {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.runs.append(id)
            guard let waiting = state.waiting, state.runs.count >= waiting.count else {
                return nil
            }
            state.waiting = nil
            return waiting.continuation
        }
        continuation?.resume()
    }

    func register(on builder: inout WorkerBuilder) {
        builder.handle(First.self) { job, context in
            self.run(context.id)
            return job.value
        }
        builder.handle(Plus.self) { job, input, context in
            self.run(context.id)
            if self.state.withLock({ $0.isBroken }) { throw NoSuchHost() }
            return input + job.term
        }
        builder.handle(Total.self) { _, input, context in
            self.run(context.id)
            return input.reduce(0, +)
        }
        builder.handle(Told.self) { _, _, context in self.run(context.id) }
        builder.handle(Held.self) { _, context in
            self.run(context.id)
            if self.state.withLock({ $0.isHeld }) {
                // A stream of nothing ends when its task is cancelled.
                let (stream, continuation) = AsyncStream<Never>.makeStream()
                for await _ in stream {}
                withExtendedLifetime(continuation) {}
                try Task.checkCancellation()
            }
            return 5
        }
    }
}
