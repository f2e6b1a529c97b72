/// Why a step of a job could not go on; the attempt fails with it.
@nonexhaustive
public enum StepError: Error, Sendable, Equatable {
    /// The lease was lost: another run may have the job, and what this one did is not noted.
    case notHeld(String)
    /// What it returned has no JSON form.
    case unencodable(String, reason: String)
    /// What was kept of it does not fit the type that the code has for it now.
    case undecodable(String, reason: String)
    /// What it returned is over the worker's `maxResultBytes`.
    case tooLarge(String, bytes: Int, limit: Int)
    /// The job has so many steps and loops already.
    case tooMany(String, limit: Int)
    /// With it all that the job remembers would be over the limit.
    case tooMuch(String, limit: Int)
    /// The items of a loop are not in the order of their cursor.
    case notAscending(String)
}

extension StepError: CustomStringConvertible {
    /// One sentence, without a value.
    public var description: String {
        switch self {
        case .notHeld(let what):
            "\(what) was not noted: the lease was lost, and another run may have the job"
        case .unencodable(let what, let reason): "\(what) cannot be noted: \(reason)"
        case .undecodable(let what, let reason):
            "what was noted of \(what) does not fit its type any more: \(reason); "
                + "give it another name"
        case .tooLarge(let what, let bytes, let limit):
            "\(what) cannot be noted: \(grouped(bytes)) bytes, limit \(grouped(limit))"
        case .tooMany(let what, let limit):
            "\(what) cannot be noted: a job has at most \(grouped(limit)) steps"
        case .tooMuch(let what, let limit):
            "\(what) cannot be noted: a job's steps are at most \(grouped(limit)) bytes together"
        case .notAscending(let what):
            "the items of \(what) are not in the ascending order of their cursor"
        }
    }
}
