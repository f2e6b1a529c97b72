internal import RedisLink
internal import Synchronization

extension JobClient {
    /// What became of each of many jobs, in their order.
    package typealias Answer = Result<Acceptance, JobRunnerError>

    /// Enqueues jobs and returns when each was answered; those of one queue keep their order.
    ///
    /// Jobs for now travel in batches of up to 1,000, the queues beside each other; delayed ones
    /// one by one, in one pipeline.
    ///
    /// - Returns: An answer a job, in order; no failure hides that others were accepted.
    package func enqueueEach(_ drafts: [Draft], due: Due = .now) async -> [Answer] {
        var groups: [String: [Int]] = [:]
        for (index, draft) in drafts.enumerated() {
            // Delayed jobs have no batches: each is a group. Those that ask for more have none
            // either, and keep their order.
            let name = due == .now ? draft.queue + (draft.terms.isPlain ? "" : "/") : "\(index)"
            groups[name, default: []].append(index)
        }
        var answers = [Answer](repeating: .failure(.stopped), count: drafts.count)
        await withTaskGroup(of: (indices: [Int], answers: [Answer]).self) { group in
            for indices in groups.values {
                let part = indices.map { drafts[$0] }
                group.addTask { (indices, await self.enqueueAlike(part, due: due)) }
            }
            for await part in group {
                for (index, answer) in zip(part.indices, part.answers) { answers[index] = answer }
            }
        }
        return answers
    }

    /// Enqueues jobs of one queue.
    ///
    /// Their ids are remembered equally long, for one that its caller chose may be sent again
    /// tomorrow, and two batches could not keep the order.
    private func enqueueAlike(_ drafts: [Draft], due: Due) async -> [Answer] {
        do {
            guard let first = drafts.first else { return [] }
            if due != .now { return [.success(try await enqueueAlone(first, due: due))] }
            if !first.terms.isPlain { return await enqueueInTurn(drafts) }
            let gathering = Gathering(count: drafts.count)
            let ownIDs = drafts.contains { $0.hasOwnID }
            let batcher = try await batcher(for: first.queue, ownIDs: ownIDs)
            return await withCheckedContinuation { continuation in
                gathering.start(continuation)
                batcher.add(drafts.map(\.job), for: gathering)
            }
        } catch {
            let failure = error as? JobRunnerError ?? .stopped
            return drafts.map { _ in .failure(failure) }
        }
    }

    /// One by one: each asks for more than to be run.
    private func enqueueInTurn(_ drafts: [Draft]) async -> [Answer] {
        var answers: [Answer] = []
        for draft in drafts {
            do { answers.append(.success(try await enqueueAlone(draft, due: .now))) } catch {
                answers.append(.failure(error as? JobRunnerError ?? .stopped))
            }
        }
        return answers
    }

    /// What is thrown for a job that a full queue refused.
    package func full(_ queue: String) -> JobRunnerError {
        .queueFull(queue: queue, maxLength: options.maxLength(of: queue))
    }

    package func enqueue<Output>(_ drafts: [Draft]) async throws -> [JobHandle<Output>] {
        let answers = await enqueueEach(drafts)
        return try zip(drafts, answers).map { try handle($0, $1.get()) }
    }
}

/// Collects the answers to many jobs; resumes once, with all of them.
private final class Gathering: EnqueueSink {
    typealias Answer = Result<Acceptance, JobRunnerError>

    private struct State {
        var answers: [Answer?]
        var left: Int
        var continuation: CheckedContinuation<[Answer], Never>?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(answers: Array(repeating: nil, count: count), left: count))
    }

    func start(_ continuation: CheckedContinuation<[Answer], Never>) {
        state.withLock { $0.continuation = continuation }
    }

    func enqueued(_ index: Int, _ answer: Answer) {
        let finished: (CheckedContinuation<[Answer], Never>?, [Answer])? = state.withLock { state in
            state.answers[index] = answer
            state.left -= 1
            return state.left == 0 ? (state.continuation, state.answers.compactMap { $0 }) : nil
        }
        if let finished { finished.0?.resume(returning: finished.1) }
    }
}
