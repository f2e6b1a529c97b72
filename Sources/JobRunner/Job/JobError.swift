public import FoundationEssentials
public import RedisLink

/// What a handler throws to say what becomes of its job; any other error is a failed attempt.
@nonexhaustive
public enum JobError: Error, Sendable, Equatable {
    /// Failed: run again after this long, not after the options' delay. Counts as an attempt.
    case retry(after: Duration, _ reason: String = "")
    /// Give up now: the job goes to the dead with this reason.
    case bury(_ reason: String)
    /// Give up and forget: no retry, no dead letter, the outcome says `discarded`.
    case discard
    /// Somebody says that it is too often, as with a 429 and `Retry-After`: the kind's rate limit
    /// is closed for all workers until then, at most a day; does not count as an attempt.
    case rateLimited(until: Date)
    /// Not now: run again after this long; does not count as an attempt.
    case snooze(for: Duration)

    /// The same as `rateLimited(until:)`, from now on.
    public static func rateLimited(for time: Duration) -> JobError {
        .rateLimited(until: Date().addingTimeInterval(Double(time.milliseconds) / 1000))
    }
}

/// Why a call of the client failed, and what is known after it.
@nonexhaustive
public enum JobRunnerError: Error, Sendable {
    /// Redis refused, or could not be reached; nothing was enqueued.
    case redis(RedisError)
    /// The connection broke before the answer: the job may have been accepted. Enqueueing
    /// again with this id is safe: it is accepted once within the deduplication window.
    case outcomeUnknown(queue: String, id: String, RedisError)
    /// The job was accepted, and is not as safe as `durability` asked for; it will run unless the
    /// server is lost first.
    case notDurable(handle: String, reason: String)
    /// Another job holds the unique key, by its id; the job was not accepted.
    case alreadyEnqueued(by: String)
    /// As many jobs are ready as this client's `maxLength` allows; the job was not accepted.
    case queueFull(queue: String, maxLength: Int)
    /// Redis is out of memory; the job was not accepted.
    case redisFull(RedisError)
    /// A name, id, delay or size that is not allowed; nothing was sent.
    case invalid(String)
    /// The arguments could not be encoded; nothing was sent.
    case unencodable(job: String, reason: String)
    /// The result did not come in time; the job may still run.
    case timedOut(handle: String, after: Duration)
    /// The result did not come in time, and Redis knows nothing of the id: there was no such job,
    /// its outcome has expired, or it has waited for longer than ids are remembered.
    case unknownOrExpired(handle: String, after: Duration)
    /// What the handler returns is not kept, as its kind's `results` say: look at how the job ended
    /// with `outcome()` or `state()`.
    case notKept(handle: String)
    /// The job ended without a value.
    case failed(handle: String, JobFailure)
    /// The result is not of the asked type.
    case undecodable(handle: String, reason: String)
    /// The worker or client was stopped.
    case stopped
}

extension JobRunnerError: CustomStringConvertible {
    /// One sentence, safe to show: no payload, no password.
    public var description: String {
        switch self {
        case .redis(let error), .redisFull(let error): error.description
        case .outcomeUnknown(let queue, let id, let error):
            "job \(queue)/\(id) may or may not have been accepted: \(error); "
                + "enqueueing it again with the same id is safe"
        case .queueFull(let queue, let maxLength):
            "queue '\(queue)' is full (\(maxLength) \(maxLength == 1 ? "job" : "jobs")): "
                + "the job was not accepted"
        case .alreadyEnqueued(let holder):
            "job \(holder) has the same unique key and is not over: the job was not accepted"
        case .notDurable(let handle, let reason): "job \(handle) was accepted, but \(reason)"
        case .invalid(let reason): reason
        case .unencodable(let job, let reason):
            "the arguments of '\(job)' cannot be encoded: \(reason)"
        case .timedOut(let handle, let after): "job \(handle) had no result after \(after)"
        case .unknownOrExpired(let handle, let after):
            "job \(handle) had no result after \(after), and nothing is known of it: it never was, "
                + "its result has expired, or it has waited for long"
        case .notKept(let handle):
            "the result of job \(handle) is not kept: the options of its kind say so"
        case .failed(let handle, let failure): "job \(handle) \(failure)"
        case .undecodable(let handle, let reason):
            "the result of job \(handle) does not decode: \(reason)"
        case .stopped: "it was stopped"
        }
    }
}
